// The demo site's pages, as HTML. They load one style sheet and one script and
// run under a strict Content-Security-Policy, as careful login pages do.

/** @param {string} text */
const quoted = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const mark = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
  aria-hidden="true"><path d="M4 20V9l8-5 8 5v11"/><path d="M9 20v-6h6v6"/></svg>`;

/** @param {string} title @param {string} body */
const page = (title, body) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} · Larkfield</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/site.css">
<script src="/site.js" defer></script>
<body>${body}</body>
</html>`;

/** @param {string} inner */
const card = (inner) => `<main class="card"><div class="brand">${mark}Larkfield</div>${inner}</main>`;

/** @param {string} [problem] */
const problemLine = (problem) => (problem ? `<p class="bad" role="alert">${quoted(problem)}</p>` : "");

/** The first step: user name and password. @param {string} [problem] */
export const passwordPage = (problem) =>
  page(
    "Sign in",
    card(`<h1>Sign in</h1><p>Welcome back. Please enter your details.</p>${problemLine(problem)}
<form method="post" action="/login">
<label for="user">User name</label><input id="user" name="user" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Continue</button></form>
<p class="foot">A demo site on this computer, made by Codefob.</p>`),
  );

/** @param {string} session @param {string} fields */
const form = (session, fields) => `<form method="post" action="/check">
<input type="hidden" name="session" value="${session}">${fields}<button>Verify</button></form>`;

const oneField = `<label for="code">Code</label>
<input class="code" id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="8" required>`;

const appText = "<h1>Two-step verification</h1><p>Enter the code from your authenticator app.</p>";

/**
 * The ways in which the code page asks: each is a path, /code/NAME.
 * @type {Record<string, (session: string, problem?: string) => string>}
 */
export const codePages = {
  one: (session, problem) => page("Verification", card(appText + problemLine(problem) + form(session, oneField))),

  six: (session, problem) =>
    page(
      "Verification",
      card(
        appText +
          problemLine(problem) +
          form(
            session,
            `<div class="boxes" role="group" aria-label="Code">${[1, 2, 3, 4, 5, 6]
              .map(
                (n) =>
                  `<input inputmode="numeric" maxlength="1" aria-label="Digit ${n}" autocomplete="${n === 1 ? "one-time-code" : "off"}">`,
              )
              .join("")}</div><input type="hidden" name="code">`,
          ),
      ),
    ),

  sms: (session, problem) =>
    page(
      "Verification",
      card(
        `<h1>Check your phone</h1><p>We sent a text message with a code to the number ••• ••• 42.</p>${problemLine(problem)}${form(
          session,
          `<label for="code">Code from the text message</label>
<input class="code" id="code" name="sms_code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required>`,
        )}`,
      ),
    ),

  email: (session, problem) =>
    page(
      "Verification",
      card(
        `<h1>Check your mail</h1><p>We sent an e-mail with a code to a•••@m•••.example.</p>${problemLine(problem)}${form(
          session,
          `<label for="code">Code from the e-mail</label>
<input class="code" id="code" name="email_code" inputmode="numeric" maxlength="6" required>`,
        )}`,
      ),
    ),

  recovery: (session, problem) =>
    page(
      "Recovery",
      card(
        `<h1>Use a backup code</h1><p>Enter one of the backup codes that you kept.</p>${problemLine(problem)}${form(
          session,
          `<label for="code">Backup code</label><input id="code" name="backup_code" autocomplete="off" required>`,
        )}`,
      ),
    ),

  // Asks for more, and forbids no browser to remember what it is told.
  device: (session, problem) =>
    page(
      "Verification",
      card(
        appText +
          problemLine(problem) +
          form(
            session,
            `<label for="device">Name of this device</label><input id="device" name="device" required>
<label for="code">Code</label><input id="code" name="code" required>`,
          ),
      ),
    ),

  // A field that says nothing of itself, and one that seems to be what it is not.
  odd: (session, problem) =>
    page(
      "Terminal",
      card(
        `<h1>Terminal</h1>${problemLine(problem)}${form(
          session,
          `<label for="code">Response</label><input id="code" name="resp" required>`,
        )}`,
      ),
    ),
  false: (session) =>
    page(
      "Room",
      card(
        `<h1>Join</h1>${form(session, `<label for="code">One-time code</label><input id="code" name="otp" maxlength="6" required>`)}`,
      ),
    ),

  // The password and the code in one field.
  behind: (session, problem) =>
    page(
      "Sign in",
      card(
        `<h1>Sign in</h1>${problemLine(problem)}${form(
          session,
          `<label for="code">Password</label><input id="code" name="code" type="password" required>`,
        )}`,
      ),
    ),

  // Where a signed-in user is.
  home: () => page("Home", card(`<h1>Home</h1><p>Nothing to do.</p><p><a href="/logout">Sign out</a></p>`)),

  dialog: (session, problem) =>
    page(
      "Transfer",
      `${card("<h1>Send 20.00 to Grace</h1><p>One moment, please.</p>")}
<dialog data-late>${appText}${problemLine(problem)}${form(session, oneField)}</dialog>`,
    ),

  // A field that nobody sees stands before the one that they do.
  hidden: (session, problem) =>
    page(
      "Verification",
      card(
        appText +
          problemLine(problem) +
          form(
            session,
            `<input class="out" id="trap" name="otp" autocomplete="one-time-code" maxlength="6">${oneField}`,
          ),
      ),
    ),

  // The only field is one that nobody sees.
  trap: () =>
    page(
      "News",
      card(`<h1>News</h1><p>Nothing to sign in to.</p><input class="out" id="code" autocomplete="one-time-code">`),
    ),

  // Changes as live.js is told.
  live: () => page("Sign in", '<main id="app" class="card"></main><script src="/live.js"></script>'),

  // Asks for nothing.
  none: () => page("News", card("<h1>News</h1><p>Nothing to sign in to.</p>")),
};

/** @typedef {{ session: string, uri: string, key: string, rows: string[], problem?: string }} Setup rows: of the QR code, "#" for dark */

/** @param {string[]} rows of the QR code; four modules are left free around it */
function svg(rows) {
  const side = rows.length + 8;
  const dark = rows.flatMap((row, y) =>
    [...row].flatMap((module, x) => (module === "#" ? [`M${x + 4} ${y + 4}h1v1h-1z`] : [])),
  );
  return `<svg class="qr" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges" role="img" aria-label="QR code">
<path fill="#fff" d="M0 0h${side}v${side}H0z"/><path d="${dark.join("")}"/></svg>`;
}

/** @param {Setup} setup @param {string} how */
const setup = ({ session, problem }, how) =>
  page(
    "Set up",
    card(`<h1>Set up your authenticator app</h1>${problemLine(problem)}${how}
<form method="post" action="/confirm"><input type="hidden" name="session" value="${session}">
<label for="code">Enter the code from the app to confirm</label>
<input class="code" id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required>
<button>Confirm</button></form>`),
  );

/** @param {Setup} of */
const typed = ({ key }) => `<p>Enter this setup key: <code id="key">${key.replace(/(.{4})(?=.)/g, "$1 ")}</code></p>`;

/**
 * The ways in which a site gives the secret of a new account: each is a path, /setup/NAME.
 * @type {Record<string, (of: Setup) => string>}
 */
export const setupPages = {
  qr: (of) => setup(of, `<p>Scan the QR code with your app.</p>${svg(of.rows)}`),
  canvas: (of) =>
    setup(of, `<p>Scan the QR code with your app.</p><canvas class="qr" data-rows="${of.rows.join()}"></canvas>`),
  link: (of) => setup(of, `<p>On this device: <a id="link" href="${quoted(of.uri)}">open your app</a></p>`),
  key: (of) => setup(of, typed(of)),
  // The QR code is of something else.
  other: (of) => setup(of, `<p>Get the app first.</p>${svg(of.rows)}`),
};

/** What comes after a code that confirmed an account. @param {string} user @param {string[]} codes */
export const recoveryPage = (user, codes) =>
  page(
    "Recovery codes",
    card(`<h1>Save your recovery codes</h1>
<p>Each lets you in once, when your app is not at hand.</p>
<ul id="codes">${codes.map((code) => `<li><code>${code}</code></li>`).join("")}</ul>
<p><a id="use" href="/code/recovery?user=${encodeURIComponent(user)}">Sign in with one</a></p>`),
  );

/** A page around a frame. @param {string} src @param {string | null} sandbox */
export const framePage = (src, sandbox) =>
  page(
    "Verification",
    `<iframe src="${quoted(src)}"${sandbox === null ? "" : ` sandbox="${quoted(sandbox)}"`}></iframe>`,
  );

/** @param {string} user */
export const welcomePage = (user) =>
  page(
    "Signed in",
    card(`<h1 id="welcome">You are signed in</h1><p>Hello ${quoted(user)}. The server accepted your code.</p>`),
  );
