package rotation

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

const (
	freshValue = "key-new1:fedcba9876543210fedcba9876" // of the rig's first new key
	neighbour  = "sk-neighbour-0123456789abcdef"       // of another secret on the same path
)

// mouths are the places where the outside speaks of a failure, each with a
// world in which it does.
var mouths = map[string]struct {
	call    string // that says it
	arrange func(g *rig)
	step    string // where the rotation stops
}{
	"the log before the start": {"logs", func(g *rig) { g.measure = hard }, "preflight"},
	"the application before the start": {"affected production", func(g *rig) {
		g.needs[Production] = "nobody's"
	}, "preflight"},
	"a deploy target that failed": {"status staging", func(g *rig) {
		g.after = func(c string, _ int) error {
			if c == "deploy staging" {
				for id := range g.deploys {
					g.deploys[id] = deploy.Failed
				}
			}
			return nil
		}
	}, "deploy(staging)"},
	"a deploy target that never gets live": {"status production", func(g *rig) {
		g.after = func(c string, _ int) error {
			if c == "deploy production" {
				for id := range g.deploys {
					g.deploys[id] = deploy.Queued
				}
			}
			return nil
		}
	}, "deploy(production)"},
	"a program that deploys": {"deploy staging", func(g *rig) {
		g.before = func(c string, _ int) error {
			if c == "deploy staging" {
				return &fault.Error{Op: "starting a deployment", Reason: fault.Invalid, Detail: "the command ended with 3", Err: g.said(c).Cause()}
			}
			return nil
		}
	}, "deploy(staging)"},
	"the log in the watch": {"logs", func(g *rig) {
		g.measure = func(w deploy.Window) deploy.Measurement {
			if g.counts["deploy production"] == 0 {
				return deploy.Measurement{Outcome: deploy.OK, Requests: 100}
			}
			return hard(w)
		}
	}, "watch"},
}

func hard(deploy.Window) deploy.Measurement {
	return deploy.Measurement{Outcome: deploy.Bad, Hard: true, Value: 1, Requests: 50, Detail: "one log line says so"}
}

// blind are worlds in which the values cannot all be had when words are to be
// masked, from a call on.
var blind = map[string]func(g *rig){
	"the vault is away":         func(g *rig) { g.refuse("read "+Production, "read "+Staging) },
	"old versions are redacted": func(g *rig) { g.refuse("read version "+Production, "read version "+Staging) },
	"the list is refused":       func(g *rig) { g.refuse("list names") },
}

// refuse makes calls fail from now on, whatever the world was arranged to do.
func (g *rig) refuse(calls ...string) {
	before := g.before
	g.before = func(c string, n int) error {
		for _, refused := range calls {
			if c == refused {
				return &fault.Error{Op: "reading", Class: fault.Again, Reason: fault.Unreachable}
			}
		}
		if before != nil {
			return before(c, n)
		}
		return nil
	}
}

// TestWordsFromOutsideAreMasked: logs, targets and programs speak both keys,
// and a neighbour's, wherever they can. Nothing of it may be in the log or in
// the store, from which the thread is drawn; the words around it may.
func TestWordsFromOutsideAreMasked(t *testing.T) {
	t.Parallel()
	for name, m := range mouths {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, log := speaking(t, m.call, m.step)
				m.arrange(g)
				r := g.overheard(t, log, m.step)
				if text := g.everything(t, r); !strings.Contains(text, "the keys [secret] and [secret]") || !strings.Contains(text, "[secret] are refused") {
					t.Errorf("the words around the keys are gone: %s", text)
				}
			})
		})
		for how, close := range blind {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g, log := speaking(t, m.call, m.step)
					m.arrange(g)
					say := g.says
					g.says = func(call string) string { // what is said is to be masked next
						if words := say(call); words != "" {
							close(g)
							return words
						}
						return ""
					}
					r := g.overheard(t, log, m.step)
					if text := g.everything(t, r); strings.Contains(text, "are refused") {
						t.Errorf("somebody is quoted although not every value was in hand: %s", text)
					}
				})
			})
		}
	}
}

// speaking is a world in which a call says every key that lives.
func speaking(t *testing.T, call, step string) (*rig, *bytes.Buffer) {
	g, log := newRig(t), new(bytes.Buffer)
	g.names = []deploy.Entry{{Name: "MEM0_API_KEY", Value: secret.New(neighbour)}}
	g.says = func(c string) string {
		if c != call || step == "watch" && g.counts["deploy production"] == 0 {
			return ""
		}
		spoken := []string{neighbour}
		for _, k := range g.keys {
			spoken = append(spoken, k.value)
		}
		return "the keys " + strings.Join(spoken, " and ") + " are refused"
	}
	g.setup = func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(log, nil))
		c.Retry = Retry{Attempts: 2, First: time.Second, Max: time.Second}
	}
	return g, log
}

// overheard runs to where the rotation stops and looks for the keys.
func (g *rig) overheard(t *testing.T, log *bytes.Buffer, step string) *Rotation {
	t.Helper()
	e := g.engine("one")
	stop := g.run(t.Context(), e)
	r := g.until(e, g.start(e).Key(), Stuck)
	stop()
	if s, _ := r.Step(); s.String() != step {
		t.Errorf("it rests at %s, want %s: %+v", s, step, r.Problem)
	}
	values := []secret.Value{secret.New(oldValue), secret.New(neighbour), secret.New(freshValue)}
	secrettest.NoLeak(t, values, g.everything(t, r), log.String())
	return r
}

// everything is what the store holds: record and journal.
func (g *rig) everything(t *testing.T, r *Rotation) string {
	t.Helper()
	record, err := g.store.Load(t.Context(), r.Key())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s\n%+v", record.Body, g.journal(r.Key()))
}
