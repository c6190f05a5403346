package chat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/commands"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

var dialError error = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// memory is a store in memory, with the contract's words kept: leases are
// held by one, hints are a set with marks, delivered rows leave with their
// references in one act.
type memory struct {
	mu      sync.Mutex
	down    error
	rows    map[string][]state.Row
	refs    map[string]map[string]string
	hints   []state.Hint
	mark    int64
	once    map[string]bool
	leases  map[string]state.Lease
	fence   int64
	seq     map[string]int64
	wake    []chan struct{}
	settled []string
	decided map[string][]byte // by name; of the one rotation there is
	// surveyed is how often all requests were asked about at once.
	surveyed int
	change   func()
}

func newMemory() *memory {
	return &memory{rows: map[string][]state.Row{}, refs: map[string]map[string]string{}, once: map[string]bool{}, leases: map[string]state.Lease{}, seq: map[string]int64{}, decided: map[string][]byte{}, change: func() {}}
}

func (m *memory) lock() error {
	m.mu.Lock()
	return m.down
}

func (m *memory) signal() {
	for _, ch := range m.wake {
		kick(ch)
	}
	m.change()
}

// tell adds an event to a rotation's outbox, as a commit does.
func (m *memory) tell(key string, events ...event.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		m.seq[key]++
		if e.At.IsZero() {
			e.At = time.Now()
		}
		body, err := e.Encode()
		if err != nil {
			panic(err) // unreachable: events encode
		}
		m.rows[key] = append(m.rows[key], state.Row{Seq: m.seq[key], Body: body})
	}
	m.signal()
}

func (m *memory) News(ctx context.Context) (<-chan struct{}, error) {
	ch := make(chan struct{}, 1)
	m.mu.Lock()
	m.wake = append(m.wake, ch)
	m.mu.Unlock()
	out := make(chan struct{})
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case <-ch:
			}
			select {
			case <-ctx.Done():
				return
			case out <- struct{}{}:
			}
		}
	}()
	return out, nil
}

func (m *memory) Pending(context.Context, int) ([]string, error) {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return nil, err
	}
	var keys []string
	for key, rows := range m.rows {
		if len(rows) > 0 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (m *memory) Rows(_ context.Context, key string, limit int) ([]state.Row, error) {
	defer m.mu.Unlock()
	err := m.lock()
	rows := m.rows[key]
	return slices.Clone(rows[:min(limit, len(rows))]), err
}

func (m *memory) Delivered(_ context.Context, l state.Lease, key string, seq int64, refs map[string]string) error {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return err
	}
	if held := m.leases[l.Key]; l.Key != "post/"+key || held.Fence != l.Fence || time.Now().After(held.Until) {
		return state.ErrLost
	}
	m.rows[key] = slices.DeleteFunc(m.rows[key], func(r state.Row) bool { return r.Seq <= seq })
	for name, ref := range refs {
		if m.refs[key] == nil {
			m.refs[key] = map[string]string{}
		}
		m.refs[key][name] = ref
	}
	m.change()
	return nil
}

func (m *memory) Refs(_ context.Context, key string) (map[string]string, error) {
	defer m.mu.Unlock()
	err := m.lock()
	found := map[string]string{}
	for name, ref := range m.refs[key] {
		found[name] = ref
	}
	return found, err
}

func (m *memory) FindRef(_ context.Context, ref string) (key, name string, err error) {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return "", "", err
	}
	for key, refs := range m.refs {
		for name, have := range refs {
			if have == ref {
				return key, name, nil
			}
		}
	}
	return "", "", state.ErrNotFound
}

func (m *memory) Decide(_ context.Context, _, name string, body []byte) error {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return err
	}
	m.decided[name] = slices.Clone(body)
	m.change()
	return nil
}

func (m *memory) Decisions(context.Context, string) (map[string][]byte, error) {
	defer m.mu.Unlock()
	err := m.lock()
	return maps.Clone(m.decided), err
}

func (m *memory) Decided(context.Context) ([]string, error) {
	defer m.mu.Unlock()
	err := m.lock()
	m.surveyed++
	if len(m.decided) == 0 {
		return nil, err
	}
	return []string{key}, err
}

// decisions is how many are stored.
func (m *memory) decisions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.decided)
}

func (m *memory) Hint(_ context.Context, name string) error {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return err
	}
	m.mark++
	defer m.signal()
	for i := range m.hints {
		if m.hints[i].Name == name {
			m.hints[i].Mark = m.mark
			return nil
		}
	}
	m.hints = append(m.hints, state.Hint{Name: name, Mark: m.mark})
	return nil
}

func (m *memory) Hints(_ context.Context, after int64, limit int) ([]state.Hint, error) {
	defer m.mu.Unlock()
	err := m.lock()
	hints := slices.DeleteFunc(slices.Clone(m.hints), func(h state.Hint) bool { return h.Mark <= after })
	slices.SortFunc(hints, func(a, b state.Hint) int { return cmp.Compare(a.Mark, b.Mark) })
	return hints[:min(limit, len(hints))], err
}

func (m *memory) Settle(_ context.Context, h state.Hint) error {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return err
	}
	m.hints = slices.DeleteFunc(m.hints, func(have state.Hint) bool { return have == h })
	m.settled = append(m.settled, h.Name)
	m.change()
	return nil
}

func (m *memory) Once(_ context.Context, name string, _ time.Duration) (bool, error) {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return false, err
	}
	first := !m.once[name]
	m.once[name] = true
	return first, nil
}

func (m *memory) Claim(_ context.Context, key, owner string, ttl time.Duration) (state.Lease, error) {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return state.Lease{}, err
	}
	if held, ok := m.leases[key]; ok && time.Now().Before(held.Until) {
		return state.Lease{}, state.ErrHeld
	}
	m.fence++
	l := state.Lease{Key: key, Owner: owner, Fence: m.fence, Until: time.Now().Add(ttl)}
	m.leases[key] = l
	return l, nil
}

func (m *memory) Renew(_ context.Context, l state.Lease, ttl time.Duration) (state.Lease, error) {
	defer m.mu.Unlock()
	if err := m.lock(); err != nil {
		return l, err
	}
	if held := m.leases[l.Key]; held.Fence != l.Fence || time.Now().After(held.Until) {
		return l, state.ErrLost
	}
	l.Until = time.Now().Add(ttl)
	m.leases[l.Key] = l
	return l, nil
}

func (m *memory) Release(_ context.Context, l state.Lease) error {
	defer m.mu.Unlock()
	err := m.lock()
	if m.leases[l.Key].Fence == l.Fence {
		delete(m.leases, l.Key)
	}
	return err
}

// motor is an engine that knows rotations and counts with the real policy.
type motor struct {
	mu         sync.Mutex
	store      *memory
	policy     rotation.Policy
	all        map[string]*rotation.Rotation
	overridden []rotation.Override
	digest     *rotation.Digest

	several func() *rotation.Progress // the one batch, as it is now
	sheet   string                    // where the calendar went on; empty is calendar
	seen    []rotation.Tally
	change  func()
}

func (e *motor) Load(_ context.Context, key string) (*rotation.Rotation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.all[key]
	if !ok {
		return nil, state.ErrNotFound
	}
	return copied(r), nil
}

func (e *motor) Batch(context.Context, string) (*rotation.Progress, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.several == nil {
		return nil, state.ErrNotFound
	}
	return e.several(), nil
}

func (e *motor) Batches(context.Context) ([]*rotation.Progress, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.several == nil {
		return nil, nil
	}
	return []*rotation.Progress{e.several()}, nil
}

func (e *motor) Digest(context.Context, string) (*rotation.Digest, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.digest, nil
}

func (e *motor) Calendar(context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.digest == nil {
		return "", nil
	}
	if e.sheet != "" {
		return e.sheet, nil
	}
	return calendar, nil
}

func copied(r *rotation.Rotation) *rotation.Rotation {
	c := *r
	if r.Card != nil {
		card := *r.Card
		c.Card = &card
	}
	return &c
}

func (e *motor) Open(context.Context) ([]*rotation.Rotation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var open []*rotation.Rotation
	for _, r := range e.all {
		if !r.State.Final() {
			open = append(open, copied(r))
		}
	}
	return open, nil
}

func (e *motor) Override(_ context.Context, o rotation.Override) (*rotation.Rotation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.overridden = append(e.overridden, o)
	return nil, nil
}

func (e *motor) Consider(_ context.Context, key string, card int, m rotation.Marks) (rotation.Tally, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.change()
	r := e.all[key]
	if r == nil || r.Card == nil || r.Card.Number != card {
		return rotation.Tally{State: rotation.CardVoid}, nil
	}
	t := e.policy.Count(r.Requester, *r.Card, m, time.Now())
	e.seen = append(e.seen, t)
	if r.Card.State != rotation.CardOpen || t.State == rotation.CardOpen {
		return t, nil
	}
	r.Card.State, r.Card.Approved, r.Card.Denied = t.State, t.Votes, t.Veto
	r.State = rotation.Pending
	kind := map[rotation.CardState]event.Kind{rotation.CardApproved: event.Approved, rotation.CardDenied: event.Denied, rotation.CardExpired: event.Expired, rotation.CardVoid: event.Void}[t.State]
	ev := event.Event{Kind: kind, Card: card, Path: "emoji", Text: m.Why}
	if t.State == rotation.CardApproved {
		r.State = rotation.Running
		ev.By = t.Votes[0].Person.ID
	}
	e.store.tell(key, ev)
	return t, nil
}

// set changes a rotation.
func (e *motor) set(key string, f func(r *rotation.Rotation)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(e.all[key])
}

// world is a chat with everything around it.
type world struct {
	slack  *fakeSlack
	store  *memory
	engine *motor
	log    *lockedLog
	config Config
	chat   *Chat
}

type lockedLog struct {
	mu     sync.Mutex
	b      bytes.Buffer
	change func() // told after each line, where somebody waits for one
}

func (l *lockedLog) Write(p []byte) (int, error) {
	if l.change != nil {
		defer l.change()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const key = "rotation/k3v9q2m7xa"

// sealKey is an installation's key.
func sealKey(material string) secret.Key {
	k, err := secret.NewKey(secret.New(material))
	if err != nil {
		panic(err) // unreachable: it is long enough
	}
	return k
}

// newWorld has no network: calls go straight to the fake, so time can be fake.
func newWorld(t *testing.T, changes ...func(*Config)) *world {
	t.Helper()
	w := &world{slack: newFakeSlack(), store: newMemory(), log: &lockedLog{}}
	w.engine = &motor{store: w.store, policy: rotation.Policy{Quorum: 1}, all: map[string]*rotation.Rotation{key: record()}, change: func() {}}
	w.config = Config{
		AppToken: secret.New(appToken), BotToken: secret.New(botToken), Key: sealKey(strings.Repeat("k", 32)), APIURL: "https://slack.test/api/", Channel: channel, Replica: "a",
		Approvers: People{Users: []string{"U0ANNA"}, Group: "S0SECOPS"},
		Rates:     Rates{Post: 1000, Tier2: 1e6, Tier3: 1e6, Tier4: 1e6},
		HTTP:      &http.Client{Transport: w.slack}, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	for _, change := range changes {
		change(&w.config)
	}
	var err error
	if w.chat, err = New(w.config, w.store); err != nil {
		t.Fatal(err)
	}
	w.chat.engine = w.engine
	return w
}

// record is a rotation at its approval, not asked yet.
func record() *rotation.Rotation {
	plan, err := rotation.PlanFor(rotation.Cell{Mode: rotation.Routine, Shape: providers.Overlap, Shared: true})
	if err != nil {
		panic(err) // unreachable unless the most ordinary plan is gone
	}
	return &rotation.Rotation{
		ID: "k3v9q2m7xa", Secret: "FAL_KEY", Requester: rotation.Person{ID: "T1/U0ANNA"}, Started: time.Now(), State: rotation.Running,
		Plan: plan, PlanHash: strings.Repeat("ab", 32), Cursor: 11, Traits: providers.Traits{Service: "fal.ai", EndIs: "deleted at once"},
		Cell:   rotation.Cell{Mode: rotation.Routine, Shape: providers.Overlap, Shared: true},
		Places: map[string]rotation.Place{rotation.Production: {Old: rotation.Known{ID: "0ldkey"}, New: rotation.Known{ID: "n3wkey"}}},
	}
}

// ask opens card n in the record and tells it.
func (w *world) ask(n int) {
	w.engine.set(key, func(r *rotation.Rotation) {
		r.State = rotation.Asking
		r.Card = &rotation.Card{Number: n, State: rotation.CardOpen, Evidence: strings.Repeat("fe", 32)}
	})
	w.store.tell(key, event.Event{Kind: event.Card, Card: n, Text: "May the old key end?"})
}

// posted delivers the outbox once, as the poster's loop would.
func (w *world) posted(t *testing.T) {
	t.Helper()
	if _, err := newPoster(w.chat).deliver(t.Context(), key); err != nil {
		t.Fatalf("delivering: %v", err)
	}
}

// ref is where a message stands, by its name in the store.
func (w *world) ref(name string) string {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	at, _ := placeOf(w.store.refs[key][name])
	return at.ts
}

// card asks and posts card 1, and returns the message's ts.
func (w *world) card(t *testing.T) string {
	t.Helper()
	w.ask(1)
	w.posted(t)
	ts := w.ref("card/1")
	if ts == "" {
		t.Fatalf("the card was not posted:\n%s", w.slack.transcript())
	}
	return ts
}

// echo answers commands with what it was asked, by ids only.
type echo struct {
	mu   sync.Mutex
	got  []commands.Request
	hold chan struct{} // when set, answers wait for it
	came chan struct{} // when set, hears of a request where it has room
}

func (e *echo) Handle(ctx context.Context, q commands.Request) commands.Reply {
	e.mu.Lock()
	e.got = append(e.got, q)
	hold := e.hold
	e.mu.Unlock()
	select {
	case e.came <- struct{}{}:
	default:
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
		}
	}
	text := fmt.Sprintf("answered %s, starter %v", q.Person.ID, q.Standing.Starter)
	return commands.Reply{Title: "Answer", Text: text, Paragraphs: []string{text}}
}
