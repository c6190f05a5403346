package signed

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rekey/commands"
	"rekey/internal/secret"
	"rekey/internal/sshsig"
	"rekey/rotation"
	"rekey/state"
)

// Person is a member of the workspace behind a name in the file of allowed
// signers.
type Person struct {
	User     string // "U0123"
	Approver bool   // stands for the user group of approvers
	Starter  bool   // stands for the user group of starters
}

// Roll says what people may do, as far as that is known without Slack.
type Roll interface {
	// Starts reports who may start, cancel and retry.
	Starts(p Person) bool
	// Approves reports whose decision counts for a secret.
	Approves(p Person, secret string) bool
}

// Engine is what the desk asks of the rotation engine.
type Engine interface {
	Load(ctx context.Context, key string) (*rotation.Rotation, error)
	Open(ctx context.Context) ([]*rotation.Rotation, error)
	Consider(ctx context.Context, key string, card int, m rotation.Marks) (rotation.Tally, error)
	Override(ctx context.Context, o rotation.Override) (*rotation.Rotation, error)
	Batch(ctx context.Context, key string) (*rotation.Progress, error)
	Batches(ctx context.Context) ([]*rotation.Progress, error)
	LastBatch(ctx context.Context, tag string) (*rotation.Progress, error)
}

// Answerer answers what people ask.
type Answerer interface {
	Handle(ctx context.Context, q commands.Request) commands.Reply
}

// Store is what the desk keeps.
type Store interface {
	state.Decisions
	state.Onces
	Events(ctx context.Context, key string, after int64, limit int) ([]state.Event, error)
}

// Chat is the other way to people, and how it is.
type Chat interface {
	rotation.Ballot
	// Connected reports whether it can be reached now.
	Connected() bool
	// Team is the workspace, "" while it was never reached.
	Team() string
}

// Config of a [Desk]. All of it is needed, but what says otherwise.
type Config struct {
	Installation string
	Workspace    string            // "T0123": the people's
	Signers      string            // path of the file of allowed signers
	Revoked      string            // path of the file of revoked keys; "" is none
	People       map[string]Person // by name in that file
	Roll         Roll
	Key          secret.Key    // seals what is kept; the installation's
	Life         time.Duration // longest, of a statement
	Clock        time.Duration // how far the clocks of people may be ahead
	Timeout      time.Duration // of reading a request and writing an answer
	Answer       time.Duration // of one statement, its survey included
	Every        time.Duration // between two looks for decisions that were not counted
	Store        Store
	Chat         Chat
	Log          *slog.Logger
}

// Desk takes statements. Make one with [New], give its [Desk.Ballot] to the
// engine, then call [Desk.Serve].
type Desk struct {
	config   Config
	engine   Engine
	answerer Answerer
}

// New checks the configuration. It reads the file of allowed signers once, so
// that one that is not there is told now.
func New(c Config) (*Desk, error) {
	if c.Installation == "" || c.Workspace == "" || c.Signers == "" || c.Roll == nil || c.Key.IsZero() || c.Store == nil || c.Chat == nil || c.Log == nil {
		return nil, errors.New("configuring the command line: something is missing")
	}
	if min(c.Life, c.Clock, c.Timeout, c.Answer, c.Every) <= 0 {
		return nil, errors.New("configuring the command line: a length of time is missing")
	}
	signers, err := sshsig.ReadSigners(c.Signers)
	if err != nil {
		return nil, err
	}
	if _, err := c.revoked(); err != nil {
		return nil, err
	}
	for _, why := range signers.Unused {
		c.Log.Warn("a line of the allowed signers names nobody", "file", c.Signers, "why", why)
	}
	return &Desk{config: c}, nil
}

// revoked are the keys that count no more, as the file has them now.
func (c Config) revoked() (sshsig.Revoked, error) {
	if c.Revoked == "" {
		return sshsig.Revoked{}, nil
	}
	return sshsig.ReadRevoked(c.Revoked)
}

// Join gives the desk those it asks; before, it only reads decisions.
func (d *Desk) Join(e Engine, a Answerer) { d.engine, d.answerer = e, a }

// elsewhere says why nobody here is who they seem, or "": people are named by
// their ids in one workspace, and the chat is in another.
func (d *Desk) elsewhere() string {
	if team := d.config.Chat.Team(); team != "" && team != d.config.Workspace {
		return "command_line.workspace is not the workspace that Rekey is in, so nobody's statement counts. Nothing was done."
	}
	return ""
}

// known is somebody whose signature counts now.
type known struct {
	Person
	name string // in the file of allowed signers
	as   rotation.Person
}

// who is whoever's key made a signature, by the file as it is now. A key that
// stands for two people stands for nobody.
func (d *Desk) who(s *sshsig.Signature) (known, bool, error) {
	signers, err := sshsig.ReadSigners(d.config.Signers)
	if err != nil {
		return known{}, false, err
	}
	revoked, err := d.config.revoked()
	if err != nil {
		return known{}, false, err
	}
	if revoked.Has(s.Key) {
		return known{}, false, nil
	}
	var found []known
	for _, name := range signers.Principals(s.Key, Namespace(d.config.Installation), time.Now()) {
		p, listed := d.config.People[name]
		if listed && (len(found) == 0 || found[0].User != p.User) {
			found = append(found, known{p, name, rotation.Person{ID: d.config.Workspace + "/" + p.User, Name: name, Key: s.Fingerprint()}})
		}
	}
	if len(found) != 1 {
		return known{}, false, nil
	}
	return found[0], true, nil
}
