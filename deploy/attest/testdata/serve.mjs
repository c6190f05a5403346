// Serves a snippet the way its framework would, until standard input ends:
//   node serve.mjs (express|parsed|nextjs) <file>
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

const [how, file] = process.argv.slice(2);
const snippet = await import(pathToFileURL(file));

// parsed does what express.json() does before the handler is called.
async function parsed(req, res) {
  let text = "";
  for await (const part of req) text += part;
  try {
    req.body = JSON.parse(text);
  } catch {
    return res.writeHead(404).end();
  }
  return snippet.attest(req, res);
}

// nextjs hands a Request to the route and sends the Response it returns.
async function nextjs(req, res) {
  const body = Readable.toWeb(req);
  const request = new Request(`http://127.0.0.1${req.url}`, { method: "POST", headers: req.headers, body, duplex: "half" });
  const response = await snippet.POST(request);
  res.writeHead(response.status, Object.fromEntries(response.headers)).end(Buffer.from(await response.arrayBuffer()));
}

// What else a route file exported, Next.js would refuse.
const exported = Object.keys(snippet).sort().join(" ");
if (how === "nextjs" && (exported !== "POST dynamic runtime" || snippet.dynamic !== "force-dynamic" || snippet.runtime !== "nodejs")) {
  throw new Error(`the route exports ${exported}`);
}

const server = createServer({ express: snippet.attest, parsed, nextjs }[how]);
server.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
process.stdin.resume().on("end", () => process.exit());
