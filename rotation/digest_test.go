package rotation

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/rotation/due"
	"rekey/rotation/event"
	"rekey/state"
)

const day = 24 * time.Hour

// aged gives production's value an age, as its first version's.
func (g *rig) aged(days int) {
	g.vault[Production][0].made = time.Now().Add(-time.Duration(days) * day)
}

// digests counts the digests in the calendar's journal.
func (g *rig) digests() int {
	n := 0
	for _, ev := range g.journal("calendar/1") {
		if ev.Kind == event.Digest {
			n++
		}
	}
	return n
}

func (g *rig) announce(e *Engine, tick time.Time) {
	g.t.Helper()
	if err := e.Announce(g.t.Context(), Bulletin{Tick: tick, Within: 14 * day}); err != nil {
		g.t.Fatal(err)
	}
}

// last is the digest people were told last, as matters of secrets.
func (g *rig) last(e *Engine) []Item {
	g.t.Helper()
	d, err := e.Digest(g.t.Context(), "calendar/1")
	if err != nil || d == nil {
		g.t.Fatalf("there is no digest: %v", err)
	}
	return d.Items
}

func (g *rig) overview(e *Engine) Overview {
	g.t.Helper()
	all, err := e.Overview(g.t.Context())
	if err != nil || len(all) != 1 {
		g.t.Fatalf("overview: %v, %v", all, err)
	}
	return all[0]
}

func TestAge(t *testing.T) {
	const other = "key-x:0123456789abcdef0123456789"
	note := func(days, previous string) deploy.Note {
		return deploy.Note{"rekey-rotated-at": days, "rekey-previous-version": previous}
	}
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		ago := func(days int) time.Time { return now.Add(-time.Duration(days) * day) }
		stamp := func(days int) string { return ago(days).UTC().Format(time.RFC3339) }
		old := func(value string, days int) version { return version{value: value, made: ago(days)} }
		edits := func(n int) (all []version) {
			for i := range n {
				all = append(all, old(oldValue, 100-i))
			}
			return all
		}
		for _, c := range []struct {
			name     string
			versions []version
			want     due.Age
		}{
			{"one version", []version{old(oldValue, 40)}, due.Age{Known: true, Since: ago(40)}},
			{"an edit that leaves the value alone", []version{old(oldValue, 40), old(oldValue, 3)}, due.Age{Known: true, Since: ago(40)}},
			{"another value before", []version{old(other, 90), old(oldValue, 40), old(oldValue, 3)}, due.Age{Known: true, Since: ago(40)}},
			{"the same value before another one", []version{old(oldValue, 90), old(other, 50), old(oldValue, 40)}, due.Age{Known: true, Since: ago(40)}},
			{"a rotation noted it", []version{old(other, 90), {oldValue, note(stamp(41), "1"), ago(40)}}, due.Age{Known: true, Since: ago(41)}},
			{"noted, then edited", []version{old(other, 90), {oldValue, note(stamp(41), "1"), ago(40)}, {oldValue, note(stamp(41), "1"), ago(3)}}, due.Age{Known: true, Since: ago(41)}},
			{"noted, then replaced by hand", []version{old(other, 90), {other, note(stamp(41), "1"), ago(40)}, {oldValue, note(stamp(41), "1"), ago(3)}}, due.Age{Known: true, Since: ago(3)}},
			{"a note that is no time", []version{{oldValue, note("yesterday", "0"), ago(40)}}, due.Age{Known: true, Since: ago(40)}},
			{"a note of a version to come", []version{{oldValue, note(stamp(1), "7"), ago(40)}}, due.Age{Known: true, Since: ago(40)}},
			{"more edits than are looked at", edits(13), due.Age{AtLeast: true, Since: ago(99)}},
		} {
			g := newRig(t)
			g.vault[Production] = c.versions
			got := g.overview(g.engine("one")).Age
			if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second })); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
		}
		g := newRig(t)
		g.aged(40)
		g.gone[Production] = true
		if got := g.overview(g.engine("one")).Age; got != (due.Age{}) {
			t.Errorf("nothing can be read: %+v", got)
		}
	})
}

func TestAnnounceOnceForATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(101)
		tick := time.Now()
		var all sync.WaitGroup
		for _, name := range []string{"one", "two", "three"} {
			all.Go(func() { g.announce(g.engine(name), tick) })
		}
		all.Wait()
		e := g.engine("again")
		g.announce(e, tick)
		g.announce(e, tick.Add(-day))
		if n := g.digests(); n != 1 {
			t.Fatalf("told %d times", n)
		}
		if i := g.last(e); len(i) != 1 || i[0].Matter != Overdue || i[0].Secret != "FAL_KEY" || !i[0].At.Equal(tick.Add(-11*day)) {
			t.Errorf("told: %+v", i)
		}
		g.announce(e, tick.Add(day))
		if n := g.digests(); n != 2 {
			t.Errorf("after the next tick: %d", n)
		}
	})
}

// TestAnnounceAfterALostAnswer: the store took the digest, and nobody heard.
func TestAnnounceAfterALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(101)
		tick := time.Now()
		deaf := deafStore{Store: g.store, lost: errors.New("no answer")}
		g.setup = func(c *Config) { c.Store = deaf }
		if err := g.engine("one").Announce(t.Context(), Bulletin{Tick: tick}); err == nil {
			t.Fatal("a lost answer is no answer")
		}
		g.setup = nil
		g.announce(g.engine("two"), tick)
		if n := g.digests(); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// deafStore takes commits and loses the answers.
type deafStore struct {
	Store
	lost error
}

func (d deafStore) Commit(ctx context.Context, l state.Lease, rev int64, c state.Change) (int64, error) {
	if _, err := d.Store.Commit(ctx, l, rev, c); err != nil {
		return 0, err
	}
	return 0, d.lost
}

func TestAnnounceNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(3)
		e, tick := g.engine("one"), time.Now()
		g.announce(e, tick)
		g.aged(101)
		g.announce(e, tick) // there was nothing to tell at that time
		if n := g.digests(); n != 0 {
			t.Fatalf("told %d times", n)
		}
		g.aged(3)
		if err := e.Announce(t.Context(), Bulletin{Tick: tick.Add(day), AllClear: true}); err != nil {
			t.Fatal(err)
		}
		if i := g.last(e); g.digests() != 1 || len(i) != 0 {
			t.Errorf("all clear: %d, %+v", g.digests(), i)
		}
	})
}

// TestAnnounceAfterAWrongClock: one replica's clock was a year ahead.
func TestAnnounceAfterAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(101)
		e := g.engine("one")
		g.announce(e, time.Now().Add(365*day))
		g.announce(e, time.Now())
		g.announce(e, time.Now())
		if n := g.digests(); n != 2 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestDigestTellsWhatWaits: an open rotation is told by what it needs, with
// since when, and no snooze hides it.
func TestDigestTellsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(101)
		e := g.engine("one")
		if _, err := e.Snooze(t.Context(), Put{Secret: "FAL_KEY", For: 30 * day, By: requester}); err != nil {
			t.Fatal(err)
		}
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		asked := time.Now()
		g.announce(e, asked)
		if i := g.last(e)[0]; i.Matter != Undecided || !i.Until.Equal(r.Card.Expires) || asked.Sub(i.At) > time.Minute {
			t.Errorf("while people are asked: %+v", i)
		}
		g.mark(false, approver, mayVote)
		g.consider(e, r)
		denied := time.Now()
		pause(t.Context(), 3*day)
		stop()
		g.announce(e, time.Now())
		if i := g.last(e)[0]; i.Matter != Unrevoked || !i.At.Equal(denied) {
			t.Errorf("after a denial: %+v", i)
		}
	})
}

func TestDigestNamesAdminCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(3)
		ends := time.Now().Add(15 * day)
		g.configure = func(s *Subject) { s.AdminExpires = ends }
		e := g.engine("one")
		g.announce(e, time.Now())
		if n := g.digests(); n != 0 {
			t.Fatalf("15 days before: told %d times", n)
		}
		pause(t.Context(), day)
		g.announce(e, time.Now())
		if i := g.last(e); len(i) != 1 || i[0].Matter != AdminEnds || !i[0].At.Equal(ends) {
			t.Errorf("14 days before: %+v", i)
		}
	})
}

// TestCalendarGoesOn: a journal that is full is followed by another one, and
// nothing is forgotten or told again.
func TestCalendarGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(101)
		tick := time.Now()
		full := &calendar{Told: tick, Lines: longestJournal, Snoozes: map[string]Snooze{"FAL_KEY": {By: requester, At: tick, Until: tick.Add(day)}}}
		body, err := encodeCalendar(full)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.store.Create(t.Context(), state.Creation{Key: "calendar/1", Change: state.Change{Body: body}}); err != nil {
			t.Fatal(err)
		}
		e := g.engine("one")
		g.announce(e, tick)
		if err := e.Unsnooze(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.announce(e, tick)
		open, err := g.store.Open(t.Context())
		if err != nil || len(open) != 1 || open[0].Key != "calendar/2" {
			t.Fatalf("open: %v, %v", open, err)
		}
		if lines := g.journal("calendar/2"); len(lines) != 1 || lines[0].Kind != event.Unsnoozed {
			t.Errorf("the next journal: %+v", lines)
		}
		if recent, err := e.Recent(t.Context(), 5); err != nil || len(recent) != 0 {
			t.Errorf("rotations: %v, %v", recent, err)
		}
	})
}

// TestCalendarGoesOnWithItsDigest: the message of the last digest is known
// under the key under which it was told, however often the calendar goes on,
// until there is another one.
func TestCalendarGoesOnWithItsDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(101)
		tick := time.Now()
		e := g.engine("one")
		g.announce(e, tick)
		under := func(key, want string) {
			t.Helper()
			if d, err := e.Digest(t.Context(), key); err != nil || d == nil || d.Key != want || !d.Tick.Equal(tick) {
				t.Errorf("under %s: %+v, %v; want it told under %s", key, d, err, want)
			}
		}
		under("calendar/1", "calendar/1")
		for _, next := range []string{"calendar/2", "calendar/3"} {
			g.fill(e)
			g.snooze(e, 7*day)
			if key, err := e.Calendar(t.Context()); err != nil || key != next {
				t.Fatalf("the calendar is %s, %v; want %s", key, err, next)
			}
			under(next, "calendar/1")
		}
		under("calendar/1", "calendar/1")
		tick = tick.Add(day)
		if err := e.Unsnooze(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.announce(e, tick)
		under("calendar/3", "calendar/3")
	})
}

// fill makes the calendar's journal as long as one may get.
func (g *rig) fill(e *Engine) {
	g.t.Helper()
	err := e.edit(g.t.Context(), func(c *calendar) ([]event.Event, error) {
		c.Lines = longestJournal
		return nil, nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// TestCalendarOfALaterVersion is left alone, and ages are told without it.
func TestCalendarOfALaterVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		const later = `{"v":2,"calendar":{"pages":[]}}`
		if err := g.store.Create(t.Context(), state.Creation{Key: "calendar/1", Change: state.Change{Body: []byte(later)}}); err != nil {
			t.Fatal(err)
		}
		e := g.engine("one")
		if o := g.overview(e); o.Snooze != nil {
			t.Errorf("%+v", o)
		}
		if err := e.Announce(t.Context(), Bulletin{Tick: time.Now()}); err == nil || !strings.Contains(err.Error(), "calendar/1: stored form 2") {
			t.Errorf("announcing: %v", err)
		}
		if r, err := g.store.Load(t.Context(), "calendar/1"); err != nil || string(r.Body) != later {
			t.Errorf("it became %s, %v", r.Body, err)
		}
	})
}

func TestCalendarsFormIsStable(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	body, err := encodeCalendar(&calendar{
		Told: at, Lines: 2, Snoozes: map[string]Snooze{"FAL_KEY": {By: requester, At: at, Until: at.Add(day)}},
		Digest: &Digest{Tick: at, At: at, Within: day, Items: []Item{{Matter: Overdue, Secret: "FAL_KEY", Title: "fal.ai", At: at, Age: due.Age{Known: true, Since: at}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"v":1,"calendar":{"told":"2026-11-23T08:00:00Z","digest":{"tick":"2026-11-23T08:00:00Z","at":"2026-11-23T08:00:00Z","within":86400000000000,` +
		`"items":[{"matter":"overdue","secret":"FAL_KEY","title":"fal.ai","at":"2026-11-23T08:00:00Z","age":{"known":true,"since":"2026-11-23T08:00:00Z"}}]},` +
		`"snoozes":{"FAL_KEY":{"by":{"id":"T1/U1","name":"Rita"},"at":"2026-11-23T08:00:00Z","until":"2026-11-24T08:00:00Z"}},"lines":2}}`
	if string(body) != want {
		t.Errorf("stored form:\n%s\nwant:\n%s", body, want)
	}
}
