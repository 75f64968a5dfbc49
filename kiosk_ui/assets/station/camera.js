// The camera, and pictures: codes are read in this browser, no picture leaves it.

import { codes } from "./zxing.js";

const EVERY_MS = 250;
const SAME_MS = 3000;
async function codesIn(picture) {
  const found = await (await codes()).readBarcodes(picture, { tryHarder: true, maxNumberOfSymbols: 8 });
  // With the identifier of its kind, as a good hand scanner says it.
  return found.filter((code) => code.isValid).map((code) => `${code.symbologyIdentifier}${new TextDecoder().decode(code.bytes)}`);
}

export const readPicture = (file) => codesIn(file);

export async function startCamera(view, scanned, t) {
  if (view.srcObject) return stopCamera(view);
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
  } catch {
    document.getElementById("camera-words").textContent = t("The camera cannot be used: allow it, or take a picture.");
    return undefined;
  }
  view.srcObject = stream;
  view.hidden = false;
  await view.play();
  return watch(view, scanned);
}

function stopCamera(view) {
  for (const track of view.srcObject.getTracks()) track.stop();
  view.srcObject = null;
  view.hidden = true;
}

async function watch(view, scanned) {
  const canvas = document.createElement("canvas");
  const last = new Map();
  while (view.srcObject) {
    canvas.width = view.videoWidth;
    canvas.height = view.videoHeight;
    if (canvas.width) {
      const brush = canvas.getContext("2d", { willReadFrequently: true });
      brush.drawImage(view, 0, 0);
      for (const text of await codesIn(brush.getImageData(0, 0, canvas.width, canvas.height))) {
        if (Date.now() - (last.get(text) ?? 0) > SAME_MS) scanned(text);
        last.set(text, Date.now());
      }
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}
