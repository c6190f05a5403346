package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"rekey/bot/chat/render"
	"rekey/commands"
	"rekey/internal/secret"
	"rekey/rotation"
	"rekey/state"
)

// People is who may do something: listed users, members of a user group, or
// both. User groups can be edited in Slack by whoever is allowed to; a list
// of ids cannot.
type People struct {
	Users []string // user ids: "U0123"
	Group string   // user group id: "S0123", or ""
}

// IsZero reports whether nobody is named.
func (p People) IsZero() bool { return len(p.Users) == 0 && p.Group == "" }

func (p People) audience() render.Audience { return render.Audience{Users: p.Users, Group: p.Group} }

// Config of a [Chat]. Zero durations, counts and rates mean the defaults named.
type Config struct {
	AppToken secret.Value // "xapp-…", opens the socket
	BotToken secret.Value // "xoxb-…", everything else
	Key      secret.Key   // seals what people click; the installation's, never in the store
	APIURL   string       // default https://slack.com/api/
	Channel  string       // id of the channel for root messages: "C0123"
	Digests  string       // id of the channel for digests; default Channel
	Replica  string       // names the holder of leases, for people

	Drills    bool   // they are called to drills, too
	Incident  People // who is called in an emergency; nobody named means the approvers
	Starters  People // who may start, cancel and retry; nobody named means every full member
	Approvers People // who may approve; required unless PerSecret names somebody for every secret
	// PerSecret returns the approvers of one secret; a zero answer, or a nil
	// function, means Approvers.
	PerSecret func(secret string) People

	// Signed are the decisions on a card that have a source of their own, apart
	// from Slack; nil where there is none.
	Signed func(ctx context.Context, r *rotation.Rotation, card int) ([]rotation.Mark, error)

	Signers Signers // for an examination

	GroupCache     time.Duration // how old a user group's members may be; default 60 s
	PollCards      time.Duration // between two looks at every open card; default 60 s
	Coalesce       time.Duration // lines this close share a post; default 2 s
	RequestTimeout time.Duration // of one call to Slack; default 10 s
	AnswerTimeout  time.Duration // of one command, survey included; default 2 min
	RetryFirst     time.Duration // pause after the first failed delivery, then doubling; default 1 s
	RetryMax       time.Duration // longest pause; default 1 min
	ChartFor       time.Duration // how long a watch's chart is tried to be shown; default 1 h
	Workers        int           // envelopes handled at once; default 8
	Rates          Rates
	// History says that the app has the optional history scope: lost answers
	// are then looked up instead of posted again.
	History bool
	HTTP    *http.Client // default: one with RequestTimeout; redirects are never followed
	Log     *slog.Logger
}

// Rates are how fast each method may be called. Slack's published limits are
// per method and minute, posting besides per channel
// (https://docs.slack.dev/apis/web-api/rate-limits).
type Rates struct {
	Post  float64 // messages per second and channel; default 1
	Tier2 float64 // calls per minute; default 20
	Tier3 float64 // default 50
	Tier4 float64 // default 100
}

// Store is what the chat keeps.
type Store interface {
	state.Outbox
	state.Refs
	state.Decisions
	state.Hints
	state.Onces
	state.Leases
	state.News
}

// Engine is what the chat asks of the rotation engine.
type Engine interface {
	Rotations
	Batches
	Digests
}

// Batches are emergencies of several secrets at once.
type Batches interface {
	Batch(ctx context.Context, key string) (*rotation.Progress, error)
	Batches(ctx context.Context) ([]*rotation.Progress, error)
}

// Digests are what people are told of what is due.
type Digests interface {
	Digest(ctx context.Context, key string) (*rotation.Digest, error)
	Calendar(ctx context.Context) (key string, err error)
}

// Rotations are what the threads are about.
type Rotations interface {
	Load(ctx context.Context, key string) (*rotation.Rotation, error)
	Open(ctx context.Context) ([]*rotation.Rotation, error)
	Consider(ctx context.Context, key string, card int, m rotation.Marks) (rotation.Tally, error)
	Override(ctx context.Context, o rotation.Override) (*rotation.Rotation, error)
}

// Answerer answers what people type.
type Answerer interface {
	Handle(ctx context.Context, q commands.Request) commands.Reply
}

const defaultAPI = "https://slack.com/api/"

func (c Config) withDefaults() Config {
	or := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	or(&c.GroupCache, time.Minute)
	or(&c.PollCards, time.Minute)
	or(&c.Coalesce, 2*time.Second)
	or(&c.RequestTimeout, 10*time.Second)
	or(&c.AnswerTimeout, 2*time.Minute)
	or(&c.RetryFirst, time.Second)
	or(&c.RetryMax, time.Minute)
	or(&c.ChartFor, time.Hour)
	if c.APIURL == "" {
		c.APIURL = defaultAPI
	}
	if c.Digests == "" {
		c.Digests = c.Channel
	}
	if c.Workers == 0 {
		c.Workers = 8
	}
	c.Rates = c.Rates.withDefaults()
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: c.RequestTimeout}
	}
	return c
}

func (r Rates) withDefaults() Rates {
	or := func(f *float64, value float64) {
		if *f == 0 {
			*f = value
		}
	}
	or(&r.Post, 1)
	or(&r.Tier2, 20)
	or(&r.Tier3, 50)
	or(&r.Tier4, 100)
	return r
}

// check lists everything that is wrong, in one error.
func (c Config) check() error {
	var faults []error
	need := func(ok bool, text string) {
		if !ok {
			faults = append(faults, errors.New(text))
		}
	}
	need(!c.AppToken.IsZero(), "the app-level token (xapp-…) is missing")
	need(!c.BotToken.IsZero(), "the bot token (xoxb-…) is missing")
	need(!c.Key.IsZero(), "the installation's key is missing")
	need(c.Channel != "", "the channel's id is missing")
	need(!c.Approvers.IsZero() || c.PerSecret != nil, "nobody is named as approver")
	need(c.Log != nil, "the log is missing")
	u, err := url.Parse(c.APIURL)
	switch {
	case err != nil || u.Host == "":
		need(false, "the API URL is not a URL")
	case u.Scheme != "https" && !loopback(u.Hostname()):
		need(false, "the API URL must be https: tokens travel with every call")
	}
	if len(faults) > 0 {
		return fmt.Errorf("configuring the chat: %w", errors.Join(faults...))
	}
	return nil
}

func loopback(host string) bool {
	return slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, host)
}
