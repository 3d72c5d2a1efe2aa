import { MAX_PICTURE } from "./protocol.ts";

// Pictures on their way to the host: as base64, small enough for one request,
// and as a format that the host reads. Nothing of them is kept.

/** A part of a page, in CSS pixels from the corner of what is in sight; dpr: of the screen's pixels to one of them. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly dpr: number;
}

/** What the host is given as it is. */
const READ = ["image/png", "image/jpeg", "image/gif"];
/** The largest file that is opened, in bytes. */
const MAX_FILE = 64 << 20;
/** The most bytes whose base64 fits into a request. */
const MOST = Math.floor((MAX_PICTURE - 200) / 4) * 3;
/** The longest side of a picture that had to be made smaller, in pixels. */
const SIDE = 3000;
/** What is taken along around a part, in CSS pixels: a QR code needs its quiet zone. */
const MARGIN = 12;
/** A smaller part is drawn larger, up to four times, in pixels. */
const SMALL = 400;

/** Base64 of a picture, or of a part of it; undefined where it is none, or cannot be read: a folder named like one. */
export function pictureOf(blob: Blob, part?: Part): Promise<string | undefined> {
  return encoded(blob, part).catch(() => undefined);
}

async function encoded(blob: Blob, part: Part | undefined): Promise<string | undefined> {
  if (!part && READ.includes(blob.type) && blob.size <= MOST) return base64(blob);
  if (blob.size > MAX_FILE) return undefined;
  const bitmap = await createImageBitmap(blob);
  const { x, y, width, height } = part ? around(part, bitmap) : { x: 0, y: 0, ...sizeOf(bitmap) };
  if (width < 1 || height < 1) return undefined;
  const scale = part
    ? Math.min(4, Math.max(1, Math.round(SMALL / Math.min(width, height))))
    : Math.min(1, SIDE / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(bitmap, x, y, width, height, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const png = await canvas.convertToBlob({ type: "image/png" });
  const drawn = png.size <= MOST ? png : await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  return drawn.size <= MOST ? base64(drawn) : undefined;
}

/** The same of a data: address, as browsers give the picture of a tab. */
export async function pictureIn(address: string, part?: Part): Promise<string | undefined> {
  const found = /^data:(image\/(?:png|jpeg));base64,([A-Za-z0-9+/]+=*)$/.exec(address);
  if (!found) return undefined;
  const [, type = "", data = ""] = found;
  if (!part && data.length <= MAX_PICTURE - 200) return data;
  return pictureOf(new Blob([Uint8Array.from(atob(data), (each) => each.charCodeAt(0))], { type }), part);
}

/** A part with its margin, in pixels of the picture, and within it. */
export function around({ x, y, width, height, dpr }: Part, picture: { width: number; height: number }) {
  const within = (at: number, most: number) => Math.round(Math.min(most, Math.max(0, at * dpr)));
  const [left, top] = [within(x - MARGIN, picture.width), within(y - MARGIN, picture.height)];
  const [right, bottom] = [within(x + width + MARGIN, picture.width), within(y + height + MARGIN, picture.height)];
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function sizeOf({ width, height }: ImageBitmap) {
  return { width, height };
}

function base64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
