package slack

import (
	"log/slog"
	"slices"
	"time"
)

// Config of a [Server]. Every zero field means the default named.
type Config struct {
	TeamID     string // default "T0SANDBOX"
	TeamDomain string // default "sandbox"
	AppID      string // default "A0SANDBOX"
	BotUser    string // user id of the app's bot, default "U0BOT"
	BotID      string // default "B0BOT"
	BotName    string // default "rekey"
	BotToken   string // default "xoxb-sandbox-bot"
	AppToken   string // default "xapp-sandbox-app"

	// Scopes of the bot token; nil means [DefaultScopes]. Reading messages back
	// needs channels:history, which is not among them.
	Scopes []string
	// Commands are the slash commands the app has registered; nil means
	// /rotate and /rotate-emergency.
	Commands []string

	// SameEnvelope makes a further delivery of an event carry the envelope_id of
	// the first; both have been seen with Slack.
	SameEnvelope bool

	// Limits are Slack's figures; zero means [RealLimits].
	Limits *Limits

	// Log says what the server did, never what a message held; nil is silence.
	Log *slog.Logger
}

// DefaultScopes is the least the app can work with.
func DefaultScopes() []string {
	return []string{"commands", "chat:write", "reactions:read", "reactions:write",
		"users:read", "usergroups:read", "channels:read", "groups:read", "files:write"}
}

// Limits are the figures by which Slack measures an app.
type Limits struct {
	Ack          time.Duration // to acknowledge an envelope
	Trigger      time.Duration // life of a trigger_id
	ResponseURL  time.Duration // life of a response_url
	ResponseUses int           // posts through one response_url
	Ticket       time.Duration // life of a Socket Mode address before it is dialled
	Upload       time.Duration // life of an upload address
	Sockets      int           // open at the same time
	// Retries are the pauses before each further delivery of an event that was
	// not acknowledged.
	Retries []time.Duration
	// Ping is the pause between WebSocket pings; negative means none, which a
	// client is expected to take for a dead connection.
	Ping time.Duration
	// Warning is how long a socket stays open after its disconnect frame.
	Warning time.Duration
	// Hold is how long a delivery waits for the next one when it is to be
	// overtaken.
	Hold time.Duration

	Tier2, Tier3, Tier4 Rate // of each method of that tier
	Special             Rate // auth.test, and chat.postMessage over all channels
	Channel             Rate // chat.postMessage into one channel
}

// Rate allows Events per Per in the long run and Burst at once.
type Rate struct {
	Events int
	Per    time.Duration
	Burst  int
}

// RealLimits are Slack's own. Bursts are not documented; these are modest.
// https://docs.slack.dev/apis/web-api/rate-limits
func RealLimits() Limits {
	return Limits{
		Ack:          3 * time.Second,
		Trigger:      3 * time.Second,
		ResponseURL:  30 * time.Minute,
		ResponseUses: 5,
		Ticket:       30 * time.Second,
		Upload:       time.Minute,
		Sockets:      10,
		Retries:      []time.Duration{0, time.Minute, 5 * time.Minute},
		Ping:         5 * time.Second,
		Warning:      10 * time.Second,
		Hold:         time.Second,
		Tier2:        Rate{20, time.Minute, 5},
		Tier3:        Rate{50, time.Minute, 10},
		Tier4:        Rate{100, time.Minute, 20},
		Special:      Rate{300, time.Minute, 50},
		Channel:      Rate{1, time.Second, 5},
	}
}

// Faster divides the waits of Slack itself by factor: rate windows, pauses
// before a retry, the time from warning to disconnect. What measures the app's
// own speed (Ack, Trigger) and the pings stay as they are.
func (l Limits) Faster(factor float64) Limits {
	if factor <= 0 {
		return l
	}
	shrink := func(d time.Duration) time.Duration { return time.Duration(float64(d) / factor) }
	l.Retries = slices.Clone(l.Retries)
	for i := range l.Retries {
		l.Retries[i] = shrink(l.Retries[i])
	}
	l.Warning = shrink(l.Warning)
	for _, r := range []*Rate{&l.Tier2, &l.Tier3, &l.Tier4, &l.Special, &l.Channel} {
		r.Per = shrink(r.Per)
	}
	return l
}

func (c Config) withDefaults() Config {
	for _, f := range []struct {
		field *string
		value string
	}{
		{&c.TeamID, "T0SANDBOX"}, {&c.TeamDomain, "sandbox"}, {&c.AppID, "A0SANDBOX"},
		{&c.BotUser, "U0BOT"}, {&c.BotID, "B0BOT"}, {&c.BotName, "rekey"},
		{&c.BotToken, "xoxb-sandbox-bot"}, {&c.AppToken, "xapp-sandbox-app"},
	} {
		if *f.field == "" {
			*f.field = f.value
		}
	}
	if c.Scopes == nil {
		c.Scopes = DefaultScopes()
	}
	if c.Commands == nil {
		c.Commands = []string{"/rotate", "/rotate-emergency"}
	}
	if c.Limits == nil {
		l := RealLimits()
		c.Limits = &l
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
