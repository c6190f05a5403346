package config

import "time"

// Chat holds the waits towards Slack.
type Chat struct {
	// Poll is how often open cards are looked at without an event: reactions
	// made while Rekey was away arrive no other way.
	Poll time.Duration `key:"poll" default:"60s" min:"10ms"`
	// Standing is how old what is known about a person or group may be.
	Standing time.Duration `key:"standing" default:"60s"`
	// Merge is how close two lines of a thread must be to share a post.
	Merge time.Duration `key:"merge" default:"2s"`
	// Timeout of one call.
	Timeout time.Duration `key:"timeout" default:"10s" min:"10ms"`
}
