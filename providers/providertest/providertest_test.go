package providertest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

func TestSuiteAcceptsAGoodAdapter(t *testing.T) { Run(t, subject(func(*model) {})) }

// placed is a model that must be told the environment.
type placed struct {
	providers.Kind
	providers.Lister
	providers.Prober
	providers.Ender
	providers.Disabler
	m *model
}

func (p placed) IssueIn(ctx context.Context, environment, label string) (providers.Credential, error) {
	if environment != "production" {
		return providers.Credential{}, fault.New("creating", fault.Ambiguous, environment)
	}
	return p.m.issue(ctx, label)
}

type placing struct{ *model }

func (p placing) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if _, err := p.model.Survey(ctx, current); err != nil {
		return nil, err
	}
	return placed{p.model, p.model, p.model, p.model, p.model, p.model}, nil
}

// TestSuiteAcceptsAPlacedIssuer: issuing for the world's first environment is
// held to all that is asked of issuing.
func TestSuiteAcceptsAPlacedIssuer(t *testing.T) {
	s := subject(func(*model) {})
	open := s.Open
	s.Open = func(t testing.TB) World {
		w := open(t)
		w.Provider = placing{w.Provider.(*model)}
		return w
	}
	Run(t, s)
}

// recorder is a test that notes its failures instead of failing.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Errorf(f string, a ...any) { r.failures = append(r.failures, fmt.Sprintf(f, a...)) }
func (r *recorder) Error(a ...any)            { r.Errorf("%s", fmt.Sprint(a...)) }
func (r *recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...); runtime.Goexit() }
func (r *recorder) Fatal(a ...any)            { r.Fatalf("%s", fmt.Sprint(a...)) }
func (r *recorder) Skipf(string, ...any)      { runtime.Goexit() }

// failures of one check for a subject.
func failures(t *testing.T, c check, s Subject) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // Fatalf and Skipf end their goroutine
		defer close(done)
		c.run(r, s)
	}()
	<-done
	return r.failures
}

// TestSuiteBites breaks the model in one way at a time. Each way must be
// found by the check that is about it.
func TestSuiteBites(t *testing.T) {
	for name, c := range map[string]struct {
		check    string
		breaking func(*model)
	}{
		"claims that ending is final": {"traits agree with methods", func(m *model) { m.traits.UndoOfEnd = false }},
		"claims that people make it":  {"traits agree with methods", func(m *model) { m.traits.Guided = true }},
		"a shape nobody knows":        {"traits agree with methods", func(m *model) { m.traits.Shape = "magic" }},
		"no probing after an end":     {"traits hold what people and watches need", func(m *model) { m.traits.Waits.ProbeFor = 0 }},
		"nameless":                    {"traits hold what people and watches need", func(m *model) { m.traits.Service = "" }},
		"negative wait":               {"traits hold what people and watches need", func(m *model) { m.traits.Waits.Hold = -1 }},
		"broken signature":            {"traits hold what people and watches need", func(m *model) { m.traits.Signatures = []string{"("} }},
		"signature hits everything":   {"traits hold what people and watches need", func(m *model) { m.traits.Signatures = []string{"401"} }},
		"identifies anything": {"identify knows what survey was shown", func(m *model) {
			m.identify = func(v providers.Values) (providers.ID, error) { return "model-key-0", nil }
			m.survey = func(context.Context, map[string]providers.Values) error { return nil }
		}},
		"the id is the value": {"identify knows what survey was shown", func(m *model) {
			m.identify = func(v providers.Values) (providers.ID, error) { return providers.ID(v["KEY"].Reveal()), nil }
			m.survey = func(context.Context, map[string]providers.Values) error { return nil }
		}},
		"surveys nothing": {"survey asks about what it does not know", func(m *model) {
			m.survey = func(context.Context, map[string]providers.Values) error { return nil }
		}},
		"quotes values": {"survey asks about what it does not know", func(m *model) {
			m.survey = func(ctx context.Context, current map[string]providers.Values) error {
				if err := m.goodSurvey(ctx, current); err != nil {
					return fault.New("surveying", fault.Ambiguous, secret.New("model-key-0-and-a-long-secret-part").Reveal())
				}
				return nil
			}
		}},
		"ignores the label": {"an issued credential is found, lives and dies", func(m *model) {
			m.issue = func(ctx context.Context, _ string) (providers.Credential, error) { return m.goodIssue(ctx, "") }
		}},
		"ends the wrong one": {"an issued credential is found, lives and dies", func(m *model) {
			m.end = func(ctx context.Context, id providers.ID) error { return m.goodEnd(ctx, "model-key-0") }
		}},
		"ending twice is an error": {"an issued credential is found, lives and dies", func(m *model) {
			ended := map[providers.ID]bool{}
			m.end = func(ctx context.Context, id providers.ID) error {
				if ended[id] {
					return fault.New("ending", fault.NotFound, "")
				}
				ended[id] = true
				return m.goodEnd(ctx, id)
			}
		}},
		"always alive": {"an issued credential is found, lives and dies", func(m *model) {
			m.probe = func(context.Context, providers.Values) (providers.Finding, error) {
				return providers.Finding{Liveness: providers.Alive, Answer: "200"}, nil
			}
		}},
		"takes no id for all": {"ending takes an explicit id", func(m *model) {
			m.end = func(ctx context.Context, id providers.ID) error {
				if id == "" {
					return nil
				}
				return m.goodEnd(ctx, id)
			}
		}},
		"cannot enable": {"a disabled credential comes back", func(m *model) {
			m.able = func(ctx context.Context, id providers.ID, _ bool) error { return m.goodAble(ctx, id, true) }
		}},
		"unclassified errors": {"every fault has its class", func(m *model) {
			m.list = func(ctx context.Context) ([]providers.Credential, error) {
				all, err := m.goodList(ctx)
				if err != nil {
					return nil, errors.New("it did not work")
				}
				return all, nil
			}
		}},
		"an empty list for an error": {"every fault has its class", func(m *model) {
			good := m.list
			m.list = func(ctx context.Context) ([]providers.Credential, error) {
				all, err := good(ctx)
				if fault.Is(err, fault.Garbled) {
					err = nil
				}
				return all, err
			}
		}},
		"a write thought harmless": {"every fault has its class", func(m *model) {
			m.end = func(ctx context.Context, id providers.ID) error {
				err := m.goodEnd(ctx, id)
				if f, ok := errors.AsType[*fault.Error](err); ok && f.Class == fault.Lost {
					f.Class = fault.Again
				}
				return err
			}
		}},
		"an outage looks like health": {"a probe under a fault never says alive", func(m *model) {
			m.probe = func(ctx context.Context, v providers.Values) (providers.Finding, error) {
				found, err := m.goodProbe(ctx, v)
				if found.Liveness == providers.Unclear {
					found.Liveness = providers.Alive
				}
				return found, err
			}
		}},
		"an outage looks like death": {"a probe under a fault never says alive", func(m *model) {
			m.probe = func(ctx context.Context, v providers.Values) (providers.Finding, error) {
				found, err := m.goodProbe(ctx, v)
				if found.Liveness == providers.Unclear {
					found.Liveness = providers.Refused
				}
				return found, err
			}
		}},
		"creates again by itself": {"a lost answer to issuing is lost, and happened once", func(m *model) {
			m.issue = func(ctx context.Context, label string) (providers.Credential, error) {
				c, err := m.goodIssue(ctx, label)
				if err != nil {
					c, err = m.goodIssue(ctx, label)
				}
				return c, err
			}
		}},
		"a lost end is final": {"a lost answer to ending may be repeated", func(m *model) {
			m.end = func(ctx context.Context, id providers.ID) error {
				err := m.goodEnd(ctx, id)
				if fault.Of(err) != nil {
					return &fault.Error{Op: "ending", Class: fault.Never, Reason: fault.Conflict}
				}
				return nil
			}
		}},
		"a refusal of nobody's": {"every fault has its class", func(m *model) {
			m.list = func(ctx context.Context) ([]providers.Credential, error) {
				all, err := m.goodList(ctx)
				if f := fault.Of(err); f != nil && f.Reason == fault.Forbidden {
					return nil, &fault.Error{Op: f.Op, Reason: f.Reason, Status: f.Status}
				}
				return all, err
			}
		}},
		"does not hear its caller": {"a cancelled call says so", func(m *model) {
			m.list = func(context.Context) ([]providers.Credential, error) { return m.goodList(context.Background()) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ch := range checks() {
				if ch.name == c.check {
					if len(failures(t, ch, subject(c.breaking))) == 0 {
						t.Errorf("%q did not notice", c.check)
					}
					return
				}
			}
			t.Errorf("there is no check %q", c.check)
		})
	}
}

// bare has no methods but those of every kind.
type bare struct{ traits providers.Traits }

func (b bare) Traits() providers.Traits                        { return b.traits }
func (b bare) Identify(providers.Values) (providers.ID, error) { return "", nil }
func (b bare) Survey(context.Context, map[string]providers.Values) (providers.Kind, error) {
	return b, nil
}

func TestSuiteWantsTheMethodsOfTheShape(t *testing.T) {
	for shape, missing := range map[providers.Shape]int{
		providers.Overlap: 4, providers.Grace: 3, providers.Cutover: 4, providers.DeployFirst: 6,
	} {
		s := Subject{Open: func(testing.TB) World {
			return World{Provider: bare{providers.Traits{Shape: shape}}, Faults: Before(nil), Secrets: func() []secret.Value { return nil }}
		}}
		if got := failures(t, checks()[0], s); len(got) != missing {
			t.Errorf("%s: found %q, want %d missing methods", shape, got, missing)
		}
	}
}

func TestExpiringIsADeadline(t *testing.T) {
	expired := make(chan struct{})
	ctx, cancel := context.WithTimeout(expiring{t.Context(), expired}, time.Hour)
	defer cancel()
	if ctx.Err() != nil {
		t.Error("it expired too early")
	}
	close(expired)
	<-ctx.Done()
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("it ended with %v", ctx.Err())
	}
}
