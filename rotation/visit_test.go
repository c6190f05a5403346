package rotation

import (
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation/event"
)

// TestRounds: what people do in consoles is one list for the batch, told once,
// from the asking to the taken value and the dead key.
func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		f.rigs[0].console()
		f.rigs[1].guide()
		wrong := true
		f.rigs[1].person = func(env string, n int) {
			g := f.rigs[1]
			switch {
			case wrong && n == 2:
				g.paste(env, "hello")
			case !wrong && g.labels[env] != "":
				g.paste(env, g.byConsole(g.labels[env]))
				g.labels[env] = ""
			}
		}
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		p := f.until(e, b, "a value is not taken", func(p *Progress) bool {
			rounds := p.Rounds()
			return len(rounds) == 2 && rounds[1].Calls[0].State == VisitUnfit
		})
		c := p.Rounds()[1].Calls[0]
		if c.Secret != "S2" || c.Wrong == "" || c.Console != "https://console.test/keys" || c.Key == "" || c.Inbox == "" || len(c.Paste) == 0 {
			t.Errorf("%+v", c)
		}
		f.rigs[1].mu.Lock()
		wrong = false
		f.rigs[1].mu.Unlock()
		p = f.lively(e, b, "over", over)
		if open, all := p.Visits(); open != 0 || all != 3 {
			t.Errorf("%d of %d visits are open", open, all)
		}
		for _, round := range p.Rounds() {
			for _, c := range round.Calls {
				if c.State != VisitDone || c.At.Before(c.Asked) || c.At.After(time.Now()) {
					t.Errorf("%s ends %t: %s at %s, asked %s", c.Secret, c.Ends, c.State, c.At, c.Asked)
				}
			}
		}
		told := 0
		for _, ev := range f.rigs[0].journal(b.Key()) {
			if ev.Kind == event.Rounds {
				told++
			}
		}
		if told != 1 {
			t.Errorf("people were called to the list %d times", told)
		}
	})
}

// TestRefusedThenCried: the row of a secret that could not be begun is that of
// the emergency that somebody begins later.
func TestRefusedThenCried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		e := f.engine("one")
		b := f.cry(e)
		w, err := e.holdBatch(t.Context(), b.Key())
		if err != nil {
			t.Fatal(err)
		}
		w.b.Members[0].Refused, w.b.Members[0].Why = true, "The vault holds something else."
		r, err := e.Start(t.Context(), Order{Secret: "S1", Requester: requester, Mode: Emergency, Reason: "once more"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.adopt(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := w.b.Members[0]; m.Refused || !m.Begun || m.Rotation != r.ID || m.Why != "" {
			t.Errorf("the row is %+v", m)
		}
	})
}
