// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { codesIn, findSheet } from "./sheet.ts";

const GITHUB = [
  ...[
    "2f9c1-7be04",
    "a81d3-0c5e9",
    "7d40b-e1f26",
    "c35a8-94bd7",
    "0e7f2-b6c18",
    "91ab4-d3e05",
    "f6c20-58a7b",
    "48e9d-1f0c3",
  ],
  ...[
    "b70f5-c29e4",
    "3ad61-8e7b0",
    "e52c9-06fd8",
    "6b18e-a4c73",
    "d09a7-2be51",
    "57f3c-e8064",
    "8c4e1-7da92",
    "1e6b0-f35c8",
  ],
];
const GOOGLE = [
  ...["2948 1075", "8361 4520", "7702 9183", "1456 0397", "9035 6721"],
  ...["4187 2690", "6523 8014", "3310 7948", "5879 1362", "0246 5593"],
];
const TEN = [
  "k3p9x2mq",
  "w7z1c8vb",
  "d5t0n6hj",
  "r2y8f4gs",
  "m9b3k7lp",
  "q1x6w5zc",
  "v4h8d2tn",
  "j7s0r3yf",
  "g6l1m9bk",
  "c8n5q4xw",
];
const UPPER = ["ABCD-12EF", "GH34-IJ56", "K7LM-8NOP", "QR90-STU1", "VW2X-YZ34", "5A6B-C7D8"];

const list = (codes: readonly string[], tag = "li") => codes.map((code) => `<${tag}>${code}</${tag}>`).join("");
const rows = (codes: readonly string[]) =>
  codes.flatMap((code, i) => (i % 2 ? [] : [`<tr><td>${code}</td><td>${codes[i + 1]}</td></tr>`])).join("");
const saves = "<h2>Save your recovery codes</h2><p>Keep them somewhere safe. Each can be used once.</p>";
const two = "<h1>Two-factor authentication</h1>";

beforeEach(() => {
  document.documentElement.lang = "en";
  document.title = "Settings";
});

// The shapes are those of the services in the names.
test.each<[string, string, readonly string[]]>([
  ["a list (GitHub)", `${saves}<ul>${list(GITHUB)}</ul><button>Download</button><button>Print</button>`, GITHUB],
  ["a grid of divs", `${saves}<div class="grid">${list(GITHUB, "div")}</div>`, GITHUB],
  ["a table in two columns, with boxes (Google)", `<h2>Backup codes</h2><table>${rows(GOOGLE)}</table>`, GOOGLE],
  [
    "numbered cells (Google)",
    `<h2>Backup codes</h2><table>${GOOGLE.map((code, i) => `<tr><td>${i + 1}.</td><td>${code}</td></tr>`).join("")}</table>`,
    GOOGLE,
  ],
  ["numbered lines", `${saves}<p>${TEN.map((code, i) => `${i + 1}. ${code}`).join("<br>")}</p>`, TEN],
  ["a pre", `${saves}<pre>${TEN.join("\n")}</pre>`, TEN],
  ["a pre in two columns", `${saves}<pre>${TEN.map((code, i) => code + (i % 2 ? "\n" : "    ")).join("")}</pre>`, TEN],
  [
    "a pre with one space between",
    `${saves}<pre>${TEN.map((code, i) => code + (i % 2 ? "\n" : " ")).join("")}</pre>`,
    TEN,
  ],
  ["a textarea", `${saves}<textarea readonly>${TEN.join("\n")}</textarea>`, TEN],
  ["read-only inputs", saves + UPPER.map((code) => `<input readonly value="${code}">`).join(""), UPPER],
  [
    "code elements in an ordered list",
    `${saves}<ol>${TEN.map((c) => `<li><code>${c}</code></li>`).join("")}</ol>`,
    TEN,
  ],
  ["spans side by side", `${saves}<div>${list(TEN, "span")}</div>`, TEN],
  ["parted by commas", `${saves}<p>${TEN.join(", ")}</p>`, TEN],
  [
    "with a button and a state each",
    `${saves}<ul>${UPPER.map((c) => `<li><span>${c}</span> <em>Not used</em><button>Copy</button></li>`).join("")}</ul>`,
    UPPER,
  ],
  [
    "labelled each",
    `${saves}${UPPER.map((c, i) => `<div><label>Code ${i + 1}</label><b>${c}</b></div>`).join("")}`,
    UPPER,
  ],
  ["buttons that copy", `${saves}${list(TEN, "button")}<button>Download</button>`, TEN],
  ["those that were used are struck out", `${saves}<ul><li><del>zzzz9999</del></li>${list(TEN)}</ul>`, TEN],
  [
    "eight digits (WordPress)",
    `<h3>Recovery Codes</h3><ol>${list(GOOGLE.map((c) => c.replace(" ", "")))}</ol>`,
    GOOGLE.map((c) => c.replace(" ", "")),
  ],
  [
    "six digits in order",
    `<h3>Backup codes</h3><ul>${list(["103948", "228471", "350912", "487265"])}</ul>`,
    ["103948", "228471", "350912", "487265"],
  ],
  [
    "letters alone (Twitch)",
    `<h3>Backup codes</h3><ul>${list(["KXWRTPLQ", "ZBNMQDFH", "TGHKVCXW", "PLRDNMSB"])}</ul>`,
    ["KXWRTPLQ", "ZBNMQDFH", "TGHKVCXW", "PLRDNMSB"],
  ],
  [
    "16 hexadecimal digits (PyPI)",
    `${saves}<ul>${list(["8f2c41d07ab9e563", "1b7e90c4d25fa836", "d4a06e83f917bc25", "63c9f5b08e21da74"])}</ul>`,
    ["8f2c41d07ab9e563", "1b7e90c4d25fa836", "d4a06e83f917bc25", "63c9f5b08e21da74"],
  ],
  ["dashes of typography", `${saves}<ul>${list(UPPER.map((c) => c.replace("-", "\u2011")))}</ul>`, UPPER],
  ["German", `<h2>Ihre Wiederherstellungscodes</h2><ul>${list(TEN)}</ul>`, TEN],
  ["Japanese", `<h2>バックアップ コード</h2><ul>${list(TEN)}</ul>`, TEN],
  ["only the page speaks of two factors", `${two}<p>You are all set.</p><ul>${list(TEN)}</ul>`, TEN],
  [
    "of two lists the one that is named",
    `${two}<h2>Sessions</h2><ul>${list(GITHUB)}</ul><h2>Backup codes</h2><ul>${list(TEN)}</ul>`,
    TEN,
  ],
  [
    "shown and hidden at once",
    `${saves}<ul>${list(TEN)}</ul><textarea readonly hidden>${TEN.join("\n")}</textarea>`,
    TEN,
  ],
])("lists: %s", (_name, html, want) => {
  document.body.innerHTML = html;
  expect(findSheet(document).listed).toEqual(want);
});

test.each([
  ["orders", `<h1>Your orders</h1><ul>${list(TEN)}</ul>`],
  [
    "licence keys",
    `<h1>Your licence keys</h1><ul>${list(["AB12C-D34EF", "GH56I-J78KL", "MN90O-P12QR", "ST34U-V56WX"])}</ul>`,
  ],
  ["gift cards on a page that speaks of two factors", `${two}<h2>Gift card codes</h2><ul>${list(TEN)}</ul>`],
  ["days", `${saves}<ul>${list(["2026-01-02", "2026-02-14", "2025-11-30", "2024-12-24"])}</ul>`],
  ["days without dashes", `${saves}<ul>${list(["20260102", "20260214", "20251130", "20241224"])}</ul>`],
  ["prices", `${saves}<ul>${list(["$1,299.00", "$2,450.50", "$3,100.25", "$4,999.99"])}</ul>`],
  ["telephone numbers", `${saves}<ul>${list(["555-010-1234", "555-010-9876", "212-010-4567", "310-010-7654"])}</ul>`],
  [
    "cards",
    `${saves}<ul>${list(["4111 1111 1111 1111", "5500 0000 0000 0004", "3400 0000 0000 0009", "6011 0000 0000 0004"])}</ul>`,
  ],
  [
    "numbers in a row",
    `${two}<ul>${list(["10000231", "10000232", "10000233", "10000234", "10000235", "10000236"])}</ul>`,
  ],
  ["what begins alike", `${saves}<ul>${list(["keyabc123", "keydef456", "keyghi789", "keyjkl012"])}</ul>`],
  ["a menu", `${saves}<ul>${list(["Profile", "Billing", "Account", "Support", "Privacy"])}</ul>`],
  ["words of one length", `${saves}<ul>${list(["security", "settings", "password", "sessions"])}</ul>`],
  ["too few", `${saves}<ul>${list(TEN.slice(0, 3))}</ul>`],
  [
    "sessions in a table",
    `${two}<table>${TEN.map((c) => `<tr><td>Firefox on Linux ${c[0]}</td><td>${c}</td><td>Berlin</td></tr>`).join("")}</table>`,
  ],
  ["a setup key in groups", `${two}<p>Enter this key in your app</p><p>JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP</p>`],
  ["commits", `<h1>History</h1><ul>${list(["a1b2c3d", "4e5f6a7", "b8c9d0e", "1f2a3b4", "c5d6e7f", "8a9b0c1"])}</ul>`],
  ["masked codes", `${saves}<ul>${list(["••••-••••", "••••-••••", "••••-••••", "••••-••••"])}</ul>`],
  ["hidden codes", `${saves}<ul style="display:none">${list(TEN)}</ul>`],
  ["a form that asks for one", `${two}<p>Enter a recovery code</p><input name="recovery_code" value="k3p9x2mq">`],
  ["colours", `${saves}<ul>${list(["#a1b2c3", "#d4e5f6", "#112233", "#445566"])}</ul>`],
  ["nothing", ""],
])("lists nothing: %s", (_name, html) => {
  document.body.innerHTML = html;
  expect(findSheet(document).listed).toEqual([]);
});

test("a shadow tree and a frame of the same origin are read, too", () => {
  document.body.innerHTML = saves;
  const root = document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" });
  root.innerHTML = `<ul>${list(TEN)}</ul>`;
  expect(findSheet(document).listed).toEqual(TEN);
});

test.each<[string, string, readonly string[]]>([
  ["a line each", `Your codes\n${TEN.join("\n")}\nDownload them`, TEN],
  ["cells", `${UPPER.slice(0, 2).join("\t")}\n${UPPER.slice(2, 4).join("\t")}`, UPPER.slice(0, 4)],
  ["with spaces inside", GOOGLE.join("\n"), GOOGLE],
  ["one alone", "Recovery key\nA1B2-C3D4-E5F6-G7H8", ["A1B2-C3D4-E5F6-G7H8"]],
  ["no code", "These are your settings", []],
])("takes what is selected: %s", (_name, text, want) => {
  document.body.innerHTML = `<textarea></textarea>`;
  const area = document.querySelector("textarea");
  if (!area) throw new Error("no textarea");
  area.value = text;
  area.focus();
  area.setSelectionRange(0, text.length);
  expect(findSheet(document).selected).toEqual(want);
});

test.each([
  ["1. abcd-ef12", ["abcd-ef12"]],
  ["- abcd-ef12,", ["abcd-ef12"]],
  ["Code 3: abcd-ef12", ["abcd-ef12"]],
  ["1. abcd-ef12  2. ghij-kl34", ["abcd-ef12", "ghij-kl34"]],
  ["1234 5678", ["1234 5678"]],
  ["12345678 23456789", ["12345678", "23456789"]],
  ["192.168.0.101", []],
  ["a@b.example", []],
  ["Keep these codes safe", []],
])("codes in a line: %s", (line, want) => {
  expect(codesIn(line)).toEqual(want);
});
