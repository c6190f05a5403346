// Package render turns facts into Slack messages: a rotation's record, its
// journal events and the answers of commands into Block Kit blocks beside a
// plain text that holds the whole gist.
//
// Every function is pure: the same facts give the same message, so a message
// may be rendered any number of times and edited in place. Golden files in
// testdata show every state as Slack receives it.
//
// # Rules every message keeps
//
// The text beside the blocks says everything a person needs, because
// notifications and screen readers get nothing else. What comes from
// elsewhere is escaped: an error text must not be able to call a channel
// (https://docs.slack.dev/messaging/formatting-message-text). State is told by
// a word beside each glyph. Texts are cut at Block Kit's limits
// (https://docs.slack.dev/reference/block-kit/blocks) between characters, and
// never inside an escape or a mention. Moments are shown in the reader's own
// time zone.
//
// Messages hold names, ids, versions and fingerprints. No function here can
// reach a secret value: the records have none.
package render
