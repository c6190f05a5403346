// Package httpcheck measures an application by a request of our own.
//
// # The model
//
// One configured request is sent, and its answer judged: the status must be
// among the expected ones, the body must match, and it must come in time. Each
// probe is itself a sign of use, so Requests is 1. A probe sees the present
// only; the window of a measurement is ignored.
//
// The same check serves as the one that succeeds only if a credential works:
// then the URL is one that makes the application use the credential.
//
// # Whose fault it is
//
// An answer is the application's word: the wrong status, body or slowness is
// Bad. No answer may be our own fault, and is an Error, not Bad: a name that
// does not resolve, a certificate that is not accepted, a connection that is
// not made. A second, independent URL can settle the last: where the reference
// answers, our own network is well, and a target that refuses connections or
// never answers is Bad. Names and certificates stay Errors, as they are seldom
// the application's doing.
//
// Some answers are not the application's: a redirect (to a sign-in page, say;
// none is followed), a page of HTML where JSON is expected, 407 from a proxy, and
// 429, which speaks about us. Those are Errors too.
//
// # What may run twice
//
// Whatever the configured request may; Rekey sends it once per measurement and
// repeats none.
package httpcheck
