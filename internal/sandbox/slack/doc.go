// Package slack is a local Slack: one workspace with one installed app, served
// over real HTTP and WebSocket, that holds the app to Slack's own rules.
//
// # Model
//
// A [Server] keeps users, channels, groups and messages in memory. The app (the
// program under test) talks to it with any Slack client: Web API methods under
// /api/, Socket Mode at the address that apps.connections.open hands out,
// response_url below /response/, and files at the addresses that
// files.getUploadURLExternal hands out. People are driven by method calls:
// [Server.SlashCommand], [Server.React], [Server.Unreact], [Server.Click], and in
// a modal [Server.Submit] and [Server.Dismiss]. What they would see is read with
// [Server.Messages], [Server.Thread], [Server.Ephemerals], [Server.File],
// [Server.Views], and waited for with [Server.Wait] or [Server.Subscribe].
//
// # Rules enforced
//
// Tokens and scopes, Block Kit and text limits, membership and archived
// channels, own messages only, rate limits per method and per channel, three
// seconds to acknowledge, one-time tickets and triggers, ten sockets. Where
// Slack's behaviour is not documented the server takes the less convenient
// reading: reactions.get without full names one user, and an acknowledgement on
// another socket than the one it was asked on does not count.
//
// # What may happen twice
//
// As with Slack, every delivery may. An event that is not acknowledged in time
// comes again, at once, after a minute and after five, on any open socket; a
// [Disturbance] makes the server redeliver, reorder or lose on purpose. The
// event_id stays the same over all deliveries, the envelope_id does not unless
// told so. Slash commands, clicks and modals are delivered once.
//
// # Faults
//
// HTTP faults are injected through [Server.Faults], every request is kept in
// [Server.Requests]; the token a request must carry is taken out of the record,
// so that whatever is found there later does not belong there.
//
// Slack's documentation: https://docs.slack.dev/apis/web-api/ and
// https://docs.slack.dev/apis/events-api/using-socket-mode
package slack
