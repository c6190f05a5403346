package providertest

import (
	"context"
	"net/http/httptest"
	"testing"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// turner is the model at a service with one key for each environment.
type turner struct {
	m       *model
	recall  func(providers.Traits) providers.Traits
	current func(ctx context.Context, environment string) (providers.Credential, error)
}

func (p *turner) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if err := p.m.survey(ctx, current); err != nil {
		return nil, err
	}
	return turning{p, p.m.traits}, nil
}

func (p *turner) Continue(ctx context.Context, found providers.Traits, _ map[string]providers.Values) (providers.Kind, error) {
	if err := ctx.Err(); err != nil {
		return nil, &fault.Error{Op: "recalling", Class: fault.Again, Reason: fault.Interrupted, Err: err}
	}
	return turning{p, p.recall(found)}, nil
}

type turning struct {
	p      *turner
	traits providers.Traits
}

func (k turning) Traits() providers.Traits                          { return k.traits }
func (k turning) Identify(v providers.Values) (providers.ID, error) { return k.p.m.identify(v) }
func (k turning) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	return k.p.m.probe(ctx, v)
}
func (k turning) IssueIn(ctx context.Context, environment, _ string) (providers.Credential, error) {
	return k.p.m.issue(ctx, environment)
}
func (k turning) Current(ctx context.Context, environment string) (providers.Credential, error) {
	return k.p.current(ctx, environment)
}

func (p *turner) goodCurrent(ctx context.Context, environment string) (providers.Credential, error) {
	all, err := p.m.list(ctx)
	if err != nil {
		return providers.Credential{}, err
	}
	for _, c := range all {
		if c.Label == environment {
			c.Values = providers.Values{"KEY": secret.New(string(c.ID) + "-and-a-long-secret-part")}
			return c, nil
		}
	}
	return providers.Credential{}, fault.New("reading back", fault.NotFound, environment)
}

// turningSubject is a model of which issuing kills, broken.
func turningSubject(breaking func(*turner, *service)) Subject {
	return Subject{Label: "label", Open: func(t testing.TB) World {
		s := &service{labels: map[string]string{}, disabled: map[string]bool{}, single: true}
		f := Before(s)
		server := httptest.NewServer(f)
		t.Cleanup(server.Close)
		p := &turner{m: newModel(t, server.URL, server.Client()), recall: func(t providers.Traits) providers.Traits { return t }}
		p.m.traits.Shape, p.m.traits.UndoOfEnd, p.m.traits.EndIs = providers.Cutover, false, ""
		p.current = p.goodCurrent
		breaking(p, s)
		values := func(id string) providers.Values { return providers.Values{"KEY": secret.New(s.value(id))} }
		return World{
			Provider:  p,
			Current:   map[string]providers.Values{"staging": values(s.make("staging")), "production": values(s.make("production"))},
			Unknown:   values("model-key-999"),
			Malformed: []providers.Values{{"KEY": secret.New("of another form")}, {}},
			Secrets:   s.issued,
			Faults:    f,
		}
	}}
}

func TestSuiteAcceptsACutover(t *testing.T) { Run(t, turningSubject(func(*turner, *service) {})) }

func TestSuiteBitesWhereIssuingKills(t *testing.T) {
	for name, c := range map[string]struct {
		check    string
		breaking func(*turner, *service)
	}{
		"the old one lives": {"issuing that kills is read back and recalled", func(_ *turner, s *service) { s.single = false }},
		"reads back the old one": {"issuing that kills is read back and recalled", func(p *turner, _ *service) {
			p.current = func(context.Context, string) (providers.Credential, error) {
				return providers.Credential{ID: "model-key-1", Values: providers.Values{"KEY": secret.New("model-key-1-and-a-long-secret-part")}}, nil
			}
		}},
		"recalls another kind": {"issuing that kills is read back and recalled", func(p *turner, _ *service) {
			p.recall = func(t providers.Traits) providers.Traits { t.Account = "another"; return t }
		}},
		"reads nothing back": {"a lost answer to issuing is lost, and happened once", func(p *turner, _ *service) {
			p.current = func(context.Context, string) (providers.Credential, error) {
				return providers.Credential{}, fault.New("reading back", fault.NotFound, "")
			}
		}},
		"a grace of no length": {"traits hold what people and watches need", func(p *turner, _ *service) { p.m.traits.Shape = providers.Grace }},
		"probes without end":   {"traits hold what people and watches need", func(p *turner, _ *service) { p.m.traits.Waits.ProbeFor = 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ch := range checks() {
				if ch.name == c.check && len(failures(t, ch, turningSubject(c.breaking))) == 0 {
					t.Errorf("%q did not notice", c.check)
				}
			}
		})
	}
}
