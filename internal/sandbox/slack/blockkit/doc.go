// Package blockkit checks the layout blocks of a Slack message the way Slack
// does: sizes, counts, required fields, unique ids.
//
// [Check] walks the decoded JSON with a pointer to where it is, and writes down
// every fault with that pointer, in the form in which Slack reports them in
// response_metadata.messages. It changes nothing and may run twice.
//
// Only the block types an operations bot has a use for are known here. Others
// are refused, also those that Slack has, so that nothing is shown in the
// sandbox that was never measured against a limit.
//
// The limits: https://docs.slack.dev/reference/block-kit/blocks and the pages
// below it.
package blockkit
