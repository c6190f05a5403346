// Package attest asks a running application which value it uses, without
// either side telling the value.
//
// # The model
//
// Both sides hold an attestation key. The question names a variable and is
// signed, so that nobody else can ask; the answer is a keyed hash over the
// question's nonce and a hash of the value, so that it is worth nothing for
// another question and cannot be read backwards by anyone without the key. Only
// who knows the value already, as Rekey does of the old and the new one, can
// tell which of them the application means.
//
//	POST <url>
//	X-Rekey-Signature: v1=<hex HMAC-SHA256(key, "rekey-attest-v1\nask\n<time>\n<nonce>\n<name>")>
//	{"name":"FAL_KEY","nonce":"<32 hex digits>","time":<unix seconds>}
//
//	200 {"instance":"web-1","deployment":"dpl-7","time":<unix seconds>,"proof":
//	  "<hex HMAC-SHA256(key, "rekey-attest-v1\nanswer\n<nonce>\n<time>\n<name>\n<instance>\n<deployment>\n<hex SHA-256 of the value>")>"}
//
// An application answers 404 to everything else: a wrong signature, a question
// older than a minute, a name that is not configured. It is never an oracle.
// [SignAsk] and [Prove] are the two formulas, for applications written in Go.
//
// # Agreement
//
// One answer is the word of one instance, and there may be old ones beside it.
// Where the number of instances is known each must have been heard, with the
// new value in its latest answer; otherwise a row of answers must agree, which
// is as good as the load balancer in front is even-handed.
//
// # What may run twice
//
// Everything: a question changes nothing, and each has a nonce of its own.
package attest
