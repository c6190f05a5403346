package rotation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/secret"
	"rekey/providers"
)

// halves are the names under which people leave the two parts of a key.
var halves = []string{"FIRST_HALF", "SECOND_HALF"}

// parted is the kind whose key people bring in two values, and which is written
// as one.
type parted struct{ byHand }

func (p parted) Guide(e providers.Errand) (providers.Guidance, error) {
	g, err := p.byHand.Guide(e)
	g.Paste = halves
	return g, err
}

func (p parted) Inspect(ctx context.Context, e providers.Errand, v providers.Values) (providers.Inspection, error) {
	whole := v[halves[0]].Trimmed().Reveal() + v[halves[1]].Trimmed().Reveal()
	return p.byHand.Inspect(ctx, e, providers.Values{"FAL_KEY": secret.New(whole)})
}

// inHalves makes people bring keys in two values, the second one some looks
// after the first.
func (g *rig) inHalves() {
	g.guide()
	g.kind = func(k switchable) providers.Kind { return parted{byHand{k}} }
	g.person = func(env string, polls int) {
		switch {
		case polls == 1 && g.labels[env] != "":
			first, second, _ := strings.Cut(g.byConsole(g.labels[env]), ":")
			g.leave(env, halves[0], first+":\n")
			g.rest, g.labels[env] = second, ""
		case polls == 6 && g.rest != "":
			g.leave(env, halves[1], " "+g.rest)
			g.rest = ""
		}
	}
}

// leave puts a value under a name into the inbox.
func (g *rig) leave(env, name, value string) {
	g.pastes++
	g.inbox[drawer(env, name)] = deploy.Entry{ID: "inbox-" + env + name, Name: name, Version: g.pastes, Value: secret.New(value), Made: time.Now()}
}

// TestGuidedInHalves: while a half is missing nothing is taken, both are
// judged together, and both leave the inbox, although the vault holds neither.
func TestGuidedInHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.inHalves()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if len(g.inbox) != 0 || g.counts["inspect"] != 1 {
			t.Errorf("the inbox holds %v; inspected %d times", g.inbox, g.counts["inspect"])
		}
		if g.told(r.Key(), "`FIRST_HALF` and `SECOND_HALF`") != 1 {
			t.Error("people are not told both names")
		}
		g.approve(e, r)
		g.invariants(g.until(e, r.Key(), Succeeded))
	})
}

// TestHalfOfAnother: a half that somebody leaves while the key is being taken
// is theirs, and stays.
func TestHalfOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.inHalves()
		g.after = func(call string, n int) error {
			if call == "write "+Staging && n == 1 {
				g.leave(Staging, halves[1], "of somebody else")
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if _, left := g.inbox[drawer(Staging, halves[0])]; left || len(g.inbox) != 1 || g.told(r.Key(), "was left there") != 1 {
			t.Errorf("the inbox holds %v", g.inbox)
		}
		if !slices.Contains(halves, g.inbox[drawer(Staging, halves[1])].Name) {
			t.Errorf("the inbox holds %v", g.inbox)
		}
	})
}
