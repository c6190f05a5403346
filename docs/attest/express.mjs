import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto";

// Read once, at the start: the very values this process's clients were made with.
const values = new Map([["FAL_KEY", process.env.FAL_KEY]]);
const key = process.env.REKEY_ATTEST_KEY ?? "";
const deployment = process.env.DEPLOYMENT_ID ?? "";
const instance = randomUUID();

const sign = (...lines) => createHmac("sha256", key).update(["rekey-attest-v1", ...lines].join("\n")).digest("hex");

function same(a, b) {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

async function read(stream) {
  let text = "";
  for await (const part of stream) if ((text += part).length > 4096) throw new Error("too long");
  return JSON.parse(text);
}

// Mounted by app.post("/rekey", attest), with express.json() before it or not.
export async function attest(req, res) {
  try {
    const q = req.body ?? (await read(req));
    const signed = same(req.headers["x-rekey-signature"] ?? "", "v1=" + sign("ask", q.time, q.nonce, q.name));
    const [value, now] = [values.get(q.name), Math.floor(Date.now() / 1000)];
    if (key.length < 16 || !signed || !value || !(Math.abs(now - q.time) <= 60)) throw new Error("not for you");
    const held = createHash("sha256").update(value).digest("hex");
    const proof = sign("answer", q.nonce, now, q.name, instance, deployment, held);
    res.writeHead(200, { "Content-Type": "application/json" });
    res.end(JSON.stringify({ instance, deployment, time: now, proof }));
  } catch {
    res.writeHead(404).end(); // one answer for all reasons
  }
}
