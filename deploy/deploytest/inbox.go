package deploytest

import (
	"context"
	"fmt"
	"testing"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// InboxBed is an inbox under test, empty, and what the suite needs to reach
// behind it.
type InboxBed struct {
	Inbox       deploy.Inbox
	Environment string
	Name        string // that a value is left under

	// Leave puts a value there as a person would.
	Leave func(value string)
	// Import makes an application's folder import the inbox.
	Import func()
	// Heard is what the vault logged so far.
	Heard func() string
}

// Inbox checks that an implementation keeps the contract of [deploy.Inbox].
// open makes a fresh bed for each check; it may register clean-ups.
func Inbox(t *testing.T, open func(t *testing.T) InboxBed) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, InboxBed){
		"what is left is collected, again and again": collected,
		"an empty inbox is not found":                nothingThere,
		"what was collected is discarded, once":      discarded,
		"another value in its place stays":           anotherStays,
		"made anew it is another one":                madeAnew,
		"a reader of the inbox is noticed":           overheard,
		"an unknown environment is refused":          unknownInbox,
		"a call without time does nothing":           noTimeInbox,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

func (b InboxBed) collect(t *testing.T) deploy.Entry {
	t.Helper()
	e, err := b.Inbox.Collect(t.Context(), b.Environment, b.Name)
	if err != nil {
		t.Fatalf("collecting: %v", err)
	}
	return e
}

func (b InboxBed) empty(t *testing.T) bool {
	t.Helper()
	_, err := b.Inbox.Collect(t.Context(), b.Environment, b.Name)
	return fault.Is(err, fault.NotFound)
}

func collected(t *testing.T, b InboxBed) {
	want := fresh("left")
	b.Leave(want.Reveal())
	first, again := b.collect(t), b.collect(t)
	if !first.Value.Equal(want) || first.Name != b.Name || first.ID == "" || first.ID != again.ID || first.Version != again.Version {
		t.Errorf("collected version %d of %q, then %d of %q", first.Version, first.ID, again.Version, again.ID)
	}
	secrettest.NoLeak(t, []secret.Value{want}, first, b.Heard(), fmt.Sprintf("%+v", b.Inbox))
}

func nothingThere(t *testing.T, b InboxBed) {
	if !b.empty(t) {
		t.Error("an empty inbox holds something")
	}
	if err := b.Inbox.Secluded(t.Context(), b.Environment); err != nil {
		t.Errorf("an inbox that nothing reads: %v", err)
	}
}

func discarded(t *testing.T, b InboxBed) {
	b.Leave(fresh("left").Reveal())
	e := b.collect(t)
	for range 2 {
		if err := b.Inbox.Discard(t.Context(), b.Environment, e); err != nil {
			t.Errorf("discarding, which may be repeated: %v", err)
		}
	}
	if !b.empty(t) {
		t.Error("it is still there")
	}
}

func anotherStays(t *testing.T, b InboxBed) {
	b.Leave(fresh("left").Reveal())
	e := b.collect(t)
	b.Leave(fresh("left later").Reveal())
	if err := b.Inbox.Discard(t.Context(), b.Environment, e); !fault.Is(err, fault.ChangedByOther) {
		t.Errorf("got %v, want changed by other", err)
	}
	if now := b.collect(t); !now.Value.Equal(fresh("left later")) {
		t.Error("the later value is gone")
	}
}

func madeAnew(t *testing.T, b InboxBed) {
	b.Leave(fresh("left").Reveal())
	e := b.collect(t)
	if err := b.Inbox.Discard(t.Context(), b.Environment, e); err != nil {
		t.Fatal(err)
	}
	b.Leave(fresh("left later").Reveal())
	if now := b.collect(t); now.ID == e.ID && now.Version == e.Version {
		t.Error("a value that was left anew cannot be told from the old one")
	}
}

func overheard(t *testing.T, b InboxBed) {
	b.Import()
	if err := b.Inbox.Secluded(t.Context(), b.Environment); !fault.Is(err, fault.Managed) {
		t.Errorf("got %v, want managed", err)
	}
}

func unknownInbox(t *testing.T, b InboxBed) {
	_, err := b.Inbox.Collect(t.Context(), "no-such-environment", b.Name)
	for what, err := range map[string]error{
		"collecting": err, "looking": b.Inbox.Secluded(t.Context(), "no-such-environment"),
		"discarding": b.Inbox.Discard(t.Context(), "no-such-environment", deploy.Entry{Name: b.Name}),
	} {
		if err == nil || fault.Of(err).Class != fault.Never {
			t.Errorf("%s: got %v, want class never", what, err)
		}
	}
}

func noTimeInbox(t *testing.T, b InboxBed) {
	b.Leave(fresh("left").Reveal())
	e := b.collect(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Inbox.Discard(ended, b.Environment, e); err == nil {
		t.Error("discarding without time succeeded")
	}
	if b.empty(t) {
		t.Error("it is gone")
	}
}
