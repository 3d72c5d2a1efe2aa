// What real login pages do with their fields.

// A row of single-character boxes: typing moves on, backspace moves back, a
// pasted code spreads over the row, and a hidden field carries the whole.
for (const row of document.querySelectorAll(".boxes")) {
  const boxes = [...row.querySelectorAll("input")];
  const whole = row.parentElement.querySelector("input[name=code]");
  const collect = () => {
    whole.value = boxes.map((box) => box.value).join("");
  };
  const spread = (text, from) => {
    const digits = text.replace(/\D/g, "").slice(0, boxes.length - from);
    [...digits].forEach((digit, i) => {
      boxes[from + i].value = digit;
    });
    boxes[Math.min(from + digits.length, boxes.length - 1)].focus();
    collect();
  };
  boxes.forEach((box, i) => {
    box.addEventListener("input", () => {
      if (box.value.length > 1) return spread(box.value, i);
      if (box.value && boxes[i + 1]) boxes[i + 1].focus();
      collect();
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Backspace" && !box.value && boxes[i - 1]) boxes[i - 1].focus();
    });
    box.addEventListener("paste", (event) => {
      event.preventDefault();
      spread(event.clipboardData.getData("text"), i);
    });
  });
}

// A QR code that the page draws by itself.
for (const canvas of document.querySelectorAll("canvas[data-rows]")) {
  const rows = canvas.dataset.rows.split(",");
  const side = rows.length + 8;
  canvas.width = side * 4;
  canvas.height = side * 4;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#000";
  rows.forEach((row, y) => {
    [...row].forEach((module, x) => {
      if (module === "#") context.fillRect((x + 4) * 4, (y + 4) * 4, 4, 4);
    });
  });
}

// A dialog that appears a while after the page is there.
const dialog = document.querySelector("dialog[data-late]");
if (dialog) setTimeout(() => dialog.showModal(), 400);
