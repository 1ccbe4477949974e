// What a tour leaves on the device: sealed by AES-GCM under a key that lives in this module's memory alone. Whoever opens
// the database later, this page after a reload included, finds bytes that nobody can read.

const NAME = "songda-courier";
//: Reports that wait for the line, and what was shown of the items that they may be about.
const KINDS = ["reports", "shown"];

let key = null;
let database = null;
let turn = Promise.resolve();

// Begins with an empty store and a new key; returns how many reports an earlier page has left behind unreadable.
export async function begin() {
  database = await opened();
  const lost = await count("reports");
  await wipe();
  return lost;
}

// Empties the store and forgets its key, unless a report still waits; says whether it did.
export function wipeWhenSent() {
  return inTurn(async () => {
    if (await count("reports")) return false;
    await wipe();
    return true;
  });
}

// The number under which the value lies.
export function keep(kind, value) {
  return inTurn(async () => {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(value));
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain);
    return done(store(kind, "readwrite").add({ iv, data }));
  });
}

// The value, or null when it was wiped.
export async function read(kind, number) {
  const sealed = await done(store(kind, "readonly").get(number));
  if (!sealed) return null;
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv }, key, sealed.data);
  return JSON.parse(new TextDecoder().decode(plain));
}

export async function numbers(kind) {
  return done(store(kind, "readonly").getAllKeys());
}

export async function count(kind) {
  return done(store(kind, "readonly").count());
}

export async function drop(kind, number) {
  await done(store(kind, "readwrite").delete(number));
}

async function wipe() {
  key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  for (const kind of KINDS) await done(store(kind, "readwrite").clear());
}

// One after another: what is sealed while the key changes would be lost.
function inTurn(work) {
  const result = turn.then(work);
  turn = result.catch(() => {});
  return result;
}

function opened() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => KINDS.forEach((kind) => request.result.createObjectStore(kind, { autoIncrement: true }));
  return done(request);
}

function store(kind, mode) {
  return database.transaction(kind, mode).objectStore(kind);
}

function done(request) {
  return new Promise((fulfil, fail) => {
    request.onsuccess = () => fulfil(request.result);
    request.onerror = () => fail(request.error);
  });
}
