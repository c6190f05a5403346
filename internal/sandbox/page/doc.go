// Package page is what a person opens in a browser: the workspace's channel
// with its threads, and beside it the application and the consoles of the
// services, live.
//
// # Model
//
// A [Page] serves static files, the workspace's own files, and one stream of Server-Sent Events. It only
// shows: what a person does goes to the world's own API, over the same port.
// The stream begins with a picture of everything and goes on with what changed:
//
//	picture  everything, replaces whatever the browser knew
//	message  a message as it is now, new or changed, also one for a single person
//	gone     the timestamp of a message that was deleted
//	view     a modal as it is now, new or changed, for a single person
//	unview   the id of a modal that is gone
//	world    consoles, as they are now
//	pulse    counters of the application and the bot's connection
//
// Messages are events and are kept, the last few hundred of them: a browser that
// lost its connection names the last one it saw and gets the rest, or a new
// picture if that is no longer known. Consoles and counters are states: only
// the newest counts, so a slow reader skips the others and holds up nobody.
//
// # What may happen twice
//
// Everything on the stream. A message replaces the one with its timestamp, a
// modal the one with its id, all else replaces what was there.
//
// # Safety
//
// No secret value leaves over the stream: values are not part of what is shown,
// and whatever the world ever issued is masked in every event before it is
// sent, should somebody have put it into a message or a name. [Guard] keeps
// other web pages from acting or reading through the browser that shows this
// one. The page itself loads nothing from elsewhere and puts foreign text into
// the document as text only; its content security policy enforces both. Of the
// workspace's files only pictures are shown.
//
// The stream's format: https://html.spec.whatwg.org/multipage/server-sent-events.html
package page
