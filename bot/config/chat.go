package config

import "time"

// Chat holds the waits and the pace towards Slack.
type Chat struct {
	// GroupCache is how old a user group's members may be.
	GroupCache time.Duration `key:"group_cache" default:"60s" min:"1ms"`
	// PollCards is how often open cards are looked at without an event: marks
	// made while Rekey was away arrive no other way.
	PollCards time.Duration `key:"poll_cards" default:"60s" min:"10ms"`
	// Coalesce is how close two lines of a thread must be to share a post.
	Coalesce time.Duration `key:"coalesce" default:"2s" min:"1ms"`
	// ChartFor is how long the chart of a watch that has ended is tried to be
	// shown; after that the thread tells its result in words alone.
	ChartFor time.Duration `key:"chart_for" default:"1h" min:"10ms"`
	// Timeout of one call.
	Timeout time.Duration `key:"timeout" default:"10s" min:"10ms"`
	// AnswerTimeout of one command, its survey included.
	AnswerTimeout time.Duration `key:"answer_timeout" default:"2m" min:"10ms"`
	// RetryFirst is the pause after the first failed delivery; it doubles
	// each time.
	RetryFirst time.Duration `key:"retry_first" default:"1s" min:"1ms"`
	// RetryMax is the longest pause.
	RetryMax time.Duration `key:"retry_max" default:"1m" min:"1ms"`
	// Workers is how many envelopes are handled at once.
	Workers int   `key:"workers" default:"8" min:"1"`
	Rates   Rates `key:"rates"`
}

// Rates are how fast Slack may be asked; its published limits
// (https://docs.slack.dev/apis/web-api/rate-limits) are the defaults.
type Rates struct {
	// Post is messages per second and channel.
	Post float64 `key:"post" default:"1" min:"0.01"`
	// Tier2 is calls per minute of each method of that tier.
	Tier2 float64 `key:"tier2" default:"20" min:"1"`
	// Tier3 likewise.
	Tier3 float64 `key:"tier3" default:"50" min:"1"`
	// Tier4 likewise.
	Tier4 float64 `key:"tier4" default:"100" min:"1"`
}
