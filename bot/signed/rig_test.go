package signed_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/bot/signed"
	"rekey/commands"
	"rekey/internal/secret"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
	"rekey/state/statetest"
)

// The people, and who is not among them.
const (
	alice = "U0ALICE" // asked for the rotation, and is on the list of approvers
	bob   = "U0BOB"   // stands for the group of approvers
	carol = "U0CAROL" // may start, and no more
)

// rig is a desk that listens, with one rotation that asks for approval.
type rig struct {
	*testing.T
	desk   *signed.Desk
	at     string
	dir    string
	store  *statetest.Memory
	engine *engine
	chat   *chat
	asked  *answerer
	log    *lines
}

type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newRig(t *testing.T) *rig {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("REKEY_REQUIRE_TOOLS") == "1" {
			t.Fatal("ssh-keygen is not installed, and REKEY_REQUIRE_TOOLS=1 asks for it")
		}
		t.Skip("ssh-keygen is not installed")
	}
	dir, err := os.MkdirTemp("", "rekey-line") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	g := &rig{T: t, dir: dir, at: "unix:" + filepath.Join(dir, "s"), store: statetest.NewMemory(), chat: &chat{}, asked: &answerer{}, log: &lines{}}
	g.engine = &engine{policy: rotation.Policy{Quorum: 1}, r: waiting(), counted: make(chan struct{}, 1)}
	if err := g.store.Create(t.Context(), state.Creation{Key: g.engine.r.Key(), Change: state.Change{Body: []byte("{}"), Events: []state.Event{told(t, g.engine.r)}}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob", "carol", "mallory"} {
		g.newKey(name)
	}
	g.allow("alice", "bob", "carol")
	g.revoke()
	g.open()
	return g
}

// waiting is a rotation whose first card is open.
func waiting() *rotation.Rotation {
	return &rotation.Rotation{
		ID: "abcdefghij", Secret: "FAL_KEY", Requester: rotation.Person{ID: "T0ACME/" + alice}, State: rotation.Asking,
		PlanHash: strings.Repeat("a", 64), Cell: rotation.Cell{Mode: rotation.Routine, Shared: true},
		Places: map[string]rotation.Place{"production": {Old: rotation.Known{ID: "key-old"}, New: rotation.Known{ID: "key-new"}}},
		Card:   &rotation.Card{Number: 1, Evidence: strings.Repeat("e", 64), State: rotation.CardOpen, Asked: time.Now()},
	}
}

func told(t *testing.T, r *rotation.Rotation) state.Event {
	t.Helper()
	body, err := event.Event{Kind: event.Card, Card: 1, Text: "May key-old be revoked now?", Facts: map[string]string{"quorum": "1"}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return state.Event{Body: body}
}

func (g *rig) key(name string) string { return filepath.Join(g.dir, name) }

func (g *rig) newKey(name string) {
	g.Helper()
	said, err := exec.CommandContext(g.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", g.key(name)).CombinedOutput()
	if err != nil {
		g.Fatalf("%v: %s", err, said)
	}
}

// allow writes the file of allowed signers: these names, each with its key, or
// "name options" or "name=key".
func (g *rig) allow(entries ...string) {
	g.Helper()
	var text strings.Builder
	for _, e := range entries {
		name, options, _ := strings.Cut(e, " ")
		name, key, other := strings.Cut(name, "=")
		if !other {
			key = name
		}
		public, err := os.ReadFile(g.key(key) + ".pub")
		if err != nil {
			g.Fatal(err)
		}
		text.WriteString(strings.TrimSpace(name+" "+options) + " " + string(public))
	}
	if err := os.WriteFile(g.key("signers"), []byte(text.String()), 0o600); err != nil {
		g.Fatal(err)
	}
}

// revoke writes the file of revoked keys.
func (g *rig) revoke(names ...string) {
	g.Helper()
	text := "# nobody's any more\n"
	for _, name := range names {
		public, err := os.ReadFile(g.key(name) + ".pub")
		if err != nil {
			g.Fatal(err)
		}
		text += string(public)
	}
	if err := os.WriteFile(g.key("revoked"), []byte(text), 0o600); err != nil {
		g.Fatal(err)
	}
}

func (g *rig) open() {
	g.Helper()
	key, err := secret.NewKey(secret.New(strings.Repeat("k", 32)))
	if err != nil {
		g.Fatal(err)
	}
	g.desk, err = signed.New(signed.Config{
		Installation: "acme", Workspace: "T0ACME", Signers: g.key("signers"), Revoked: g.key("revoked"),
		People: map[string]signed.Person{"alice": {User: alice, Starter: true}, "alias": {User: alice}, "bob": {User: bob, Approver: true}, "carol": {User: carol, Starter: true}, "mallory2": {User: bob}},
		Roll:   roll{}, Key: key, Life: 5 * time.Minute, Clock: 30 * time.Second, Timeout: 10 * time.Second, Answer: time.Minute, Every: time.Hour,
		Store: g.store, Chat: g.chat, Log: slog.New(slog.NewTextHandler(g.log, nil)),
	})
	if err != nil {
		g.Fatal(err)
	}
	g.desk.Join(g.engine, g.asked)
	l, err := signed.Listen(g.Context(), g.at)
	if err != nil {
		g.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.desk.Serve(ctx, l) }()
	g.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			g.Error(err)
		}
	})
}

// as is a client with somebody's key.
func (g *rig) as(name string) signed.Client {
	return signed.Client{At: g.at, Installation: "acme", Life: 5 * time.Minute, Patience: time.Minute, Sign: signed.Keygen(g.key(name), os.LookupEnv, g.log)}
}

// decides has somebody decide the request as it stands, and returns what they are
// told.
func (g *rig) decides(name string, act signed.Act, change ...func(*signed.Statement)) signed.Answer {
	g.Helper()
	c := g.as(name)
	r := g.engine.r
	s := c.Fresh(signed.Statement{Act: act, Secret: r.Secret, Rotation: r.ID, Card: r.Card.Number, Plan: r.PlanHash, Evidence: r.Card.Evidence})
	for _, f := range change {
		f(&s)
	}
	return g.send(c, s)
}

func (g *rig) send(c signed.Client, s signed.Statement) signed.Answer {
	g.Helper()
	a, err := c.Send(g.Context(), s)
	if err != nil {
		g.Fatal(err)
	}
	return a
}

// says fails unless an answer holds a text.
func (g *rig) says(a signed.Answer, failed bool, text string) {
	g.Helper()
	whole := a.Title + "\n" + strings.Join(a.Lines, "\n")
	if a.Failed != failed || !strings.Contains(whole, text) {
		g.Errorf("failed %t, want %t and %q:\n%s", a.Failed, failed, text, whole)
	}
}

// counts is what the request comes to now, asked at its sources.
func (g *rig) counts() rotation.Tally {
	g.Helper()
	card := *g.engine.r.Card
	card.State = rotation.CardOpen
	m, err := g.desk.Ballot().Marks(g.Context(), g.engine.r, 1)
	if err != nil {
		g.Fatal(err)
	}
	return g.engine.policy.Count(g.engine.r.Requester, card, m, time.Now())
}

// roll: alice is listed, others stand for groups.
type roll struct{}

func (roll) Starts(p signed.Person) bool { return p.Starter }
func (roll) Approves(p signed.Person, secret string) bool {
	return secret == "FAL_KEY" && (p.User == alice || p.Approver)
}

// engine holds one rotation, or those of a batch beside it, and counts as the real
// one does.
type engine struct {
	mu     sync.Mutex
	policy rotation.Policy
	r      *rotation.Rotation
	batch  *rotation.Progress
	fails  error
	took   *rotation.Override // the last word in the place of a proof
	before func()             // the engine takes one
	// counted has a word for each time that the request was counted.
	counted chan struct{}
}

func (e *engine) all() []*rotation.Rotation {
	all := []*rotation.Rotation{e.r}
	if e.batch != nil {
		for _, p := range e.batch.Parts {
			all = append(all, p.Rotation)
		}
	}
	return all
}

func (e *engine) Load(_ context.Context, key string) (*rotation.Rotation, error) {
	for _, r := range e.all() {
		if r.Key() == key {
			return r, nil
		}
	}
	return nil, state.ErrNotFound
}

func (e *engine) Open(context.Context) ([]*rotation.Rotation, error) { return e.all(), nil }

func (e *engine) Batch(_ context.Context, key string) (*rotation.Progress, error) {
	if e.batch == nil || e.batch.Key() != key {
		return nil, state.ErrNotFound
	}
	return e.batch, nil
}

func (e *engine) Batches(context.Context) ([]*rotation.Progress, error) {
	if e.batch == nil {
		return nil, nil
	}
	return []*rotation.Progress{e.batch}, nil
}

func (e *engine) LastBatch(_ context.Context, tag string) (*rotation.Progress, error) {
	if e.batch == nil || e.batch.Tag != tag {
		return nil, nil
	}
	return e.batch, nil
}

func (e *engine) Override(ctx context.Context, o rotation.Override) (*rotation.Rotation, error) {
	if e.before != nil {
		e.before()
	}
	var err error
	if o.By, o.Standing, err = o.Still(ctx); err != nil {
		return nil, err
	}
	if !o.Standing.Member || !o.Standing.Approver {
		return nil, &rotation.Refusal{Sentence: "You may not. `/rotate status` tells."}
	}
	e.took = &o
	return e.r, nil
}

func (e *engine) Consider(ctx context.Context, key string, card int, m rotation.Marks) (rotation.Tally, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fails != nil {
		return rotation.Tally{}, e.fails
	}
	r, err := e.Load(ctx, key)
	if err != nil {
		return rotation.Tally{}, err
	}
	t := e.policy.Count(r.Requester, *r.Card, m, time.Now())
	if r.Card.State == rotation.CardOpen {
		r.Card.State = t.State
	}
	select {
	case e.counted <- struct{}{}:
	default:
	}
	return t, nil
}

// chat is Slack, down unless it has marks.
type chat struct {
	marks *rotation.Marks
	team  string
}

var errDown = errors.New("nobody answers")

func (c *chat) Connected() bool { return c.marks != nil }
func (c *chat) Team() string    { return c.team }
func (c *chat) Marks(context.Context, *rotation.Rotation, int) (rotation.Marks, error) {
	if c.marks == nil {
		return rotation.Marks{}, errDown
	}
	return rotation.Marks{Live: c.marks.Live, Why: c.marks.Why, Marks: slices.Clone(c.marks.Marks)}, nil
}

// answerer notes what was asked.
type answerer struct {
	mu     sync.Mutex
	last   commands.Request
	undone bool // it does nothing of what is asked
}

func (a *answerer) Handle(_ context.Context, q commands.Request) commands.Reply {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = q
	return commands.Reply{Undone: a.undone, Title: "Noted", Paragraphs: []string{"`/rotate status FAL_KEY` asks, `/rotate-emergency NAME` cries."}}
}
