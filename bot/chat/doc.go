// Package chat connects Rekey to Slack: it receives what people type and
// click, brings reactions to the engine, and tells every journal event in the
// rotation's thread. It is the only package that knows Slack.
//
// # The model
//
// Four loops run beside each other, and none waits for another:
//
//   - the socket: one goroutine only reads envelopes and hands them to a
//     bounded pool, because a reader that stops reading loses the connection
//     (https://docs.slack.dev/apis/events-api/using-socket-mode). A slash
//     command is acknowledged at once and answered afterwards. A reaction is
//     stored as a hint first and acknowledged after: should this process die
//     between the two, Slack sends it again. A click or a modal goes to the
//     handler of its name, which stores first as well: Slack sends it once,
//     and shows the person when it was not acknowledged.
//   - the poster: takes the outbox rows of each rotation in order and posts
//     them, one holder at a time (lease "post/<key>"). A row leaves the outbox
//     in the same act that stores where its message stands.
//     The digest of what is due is such a row of the calendar's, in the
//     channel; of several that wait only the last one is told.
//   - the hints: small durable duties that are done when they are done: look
//     at a card, edit the root message or that of a watch, close a card, seed
//     its reactions. Uploading the chart of a watch goes beside the others:
//     it decorates, and nothing waits for it.
//   - the poll: looks at every open card after each connection and on a slow
//     timer, because reactions made while nobody listened arrive no other way.
//
// # What decides
//
// Nothing a message or an event says. A reaction event is a reason to look;
// what is counted is what reactions.get shows on the exact message in the
// record, made by people whose standing users.info tells now. [Chat.Ballot]
// reads that, for the count and again at the moment of the act. What cannot be
// asked does not stand.
//
// A click on a button leaves nothing behind in Slack. It is stored instead, with
// the request and the hashes it was made on, sealed under the installation's
// key, which the store does not hold. Both times it is read again, its seal and
// its hashes are held against the request, and the person's standing is asked.
// Who can write to the store can make a click disappear, or bring back an
// earlier one of the same person on the same request; they cannot make one.
//
// # What may run twice
//
// Everything here. Envelopes come twice and out of order, hints are sets, edits
// show the record as it is, and a post whose answer was lost is looked up
// (where the optional history scope allows) or posted again and marked so.
// Copies are inert: only the reference in the store is live.
//
// Slack being away holds up nothing but these loops: rows and hints stay where
// they are and are tried again at growing intervals.
package chat
