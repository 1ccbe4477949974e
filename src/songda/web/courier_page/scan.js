// The barcode of a waybill by the camera, where the browser can read barcodes by itself.

const FORMATS = ["code_128", "code_39", "code_93", "codabar", "ean_13", "itf", "qr_code"];
const EVERY_MS = 200;

export function canScan() {
  return "BarcodeDetector" in window && Boolean(navigator.mediaDevices && navigator.mediaDevices.getUserMedia);
}

// Shows the camera in `video` until `found(text)` says that a code is the one, or until the function returned is called.
export async function scan(video, found) {
  const detector = new BarcodeDetector({ formats: FORMATS });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  let open = true;
  const stop = () => {
    open = false;
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  };
  video.srcObject = stream;
  await video.play();
  const look = async () => {
    if (!open) return;
    const codes = await detector.detect(video).catch(() => []);
    if (!open) return;
    if (codes.some((code) => found(code.rawValue.trim()))) stop();
    else setTimeout(look, EVERY_MS);
  };
  look();
  return stop;
}

// The photo as a JPEG of at most 1,600 pixels a side, drawn anew: what the camera wrote beside the picture stays behind.
export async function reducedPhoto(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, 1600 / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await new Promise((fulfil) => canvas.toBlob(fulfil, "image/jpeg", 0.7));
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}
