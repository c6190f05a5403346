import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto";

// Where next.config has cacheComponents, leave these two out.
export const dynamic = "force-dynamic";
export const runtime = "nodejs";

// Read once, at the start. Write process.env.NAME in full, never process.env[name]:
// only so a NEXT_PUBLIC_ name gives the value that was built in.
const values = new Map([["FAL_KEY", process.env.FAL_KEY]]);
const key = process.env.REKEY_ATTEST_KEY ?? "";
const deployment = process.env.DEPLOYMENT_ID ?? process.env.VERCEL_DEPLOYMENT_ID ?? "";
const instance = randomUUID();

const sign = (...lines) => createHmac("sha256", key).update(["rekey-attest-v1", ...lines].join("\n")).digest("hex");

function same(a, b) {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

async function read(stream) {
  const utf8 = new TextDecoder();
  let text = "";
  for await (const part of stream) if ((text += utf8.decode(part, { stream: true })).length > 4096) throw new Error("too long");
  return JSON.parse(text);
}

export async function POST(request) {
  try {
    const q = await read(request.body);
    const signed = same(request.headers.get("x-rekey-signature") ?? "", "v1=" + sign("ask", q.time, q.nonce, q.name));
    const [value, now] = [values.get(q.name), Math.floor(Date.now() / 1000)];
    if (key.length < 16 || !signed || !value || !(Math.abs(now - q.time) <= 60)) throw new Error("not for you");
    const held = createHash("sha256").update(value).digest("hex");
    const proof = sign("answer", q.nonce, now, q.name, instance, deployment, held);
    return Response.json({ instance, deployment, time: now, proof });
  } catch {
    return new Response(null, { status: 404 }); // one answer for all reasons
  }
}
