package rotation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// turning makes the rig's service one with one key for each account: making
// another one kills it, at once or after half an hour.
func (g *rig) turning(shape providers.Shape) {
	g.turns, g.doomed = shape, make(map[providers.ID]time.Time)
	g.holds = map[string]providers.ID{Staging: "key-old", Production: "key-old"}
	g.traits = func(t *providers.Traits) {
		t.Shape, t.EndIs, t.Waits.Hold = shape, "", 0
		if shape == providers.Grace {
			t.Waits.Grace, t.Waits.Margin, t.Waits.ProbeAfter = 30*time.Minute, 5*time.Minute, time.Minute
		}
	}
}

// turningApart is turning, with an account for each environment.
func (g *rig) turningApart(shape providers.Shape) {
	g.turning(shape)
	g.apart()
	g.holds[Staging] = "key-olds"
}

// byPerson has people make the keys of a turning service.
func (g *rig) byPerson() {
	was := g.traits
	g.traits = func(t *providers.Traits) { was(t); t.Guided = true }
}

// pausing gives the application hooks to hold its work.
func (g *rig) pausing() {
	was := g.configure
	g.configure = func(s *Subject) {
		if was != nil {
			was(s)
		}
		s.Pause, s.Resume = hook{g, "pause"}, hook{g, "resume"}
	}
}

// knows fails as a survey does that is shown a value which does not live.
func (g *rig) knows(current map[string]providers.Values) error {
	if g.turns == "" {
		return g.listed(current)
	}
	g.expire()
	for env, v := range current {
		if !strings.HasPrefix(v["FAL_KEY"].Reveal(), string(g.holds[env])+":") && g.turns == providers.Cutover {
			return fault.New("surveying", fault.Ambiguous, env+" holds a key that the service does not know")
		}
	}
	return nil
}

// expire lets die what is doomed.
func (g *rig) expire() {
	for id, at := range g.doomed {
		if !time.Now().Before(at) {
			delete(g.keys, id)
			delete(g.doomed, id)
		}
	}
}

func (g *rig) turner() providers.Kind {
	k := oneKey{found{g}}
	if k.Traits().Guided {
		return oneKeyByHand{k}
	}
	return oneKeyByAPI{k}
}

// Continue is what a provider can do in the middle of a rotation.
func (s service) Continue(_ context.Context, _ providers.Traits, _ map[string]providers.Values) (providers.Kind, error) {
	err := s.g.effect("continue", func() error { return nil })
	return s.g.turner(), err
}

// oneKey has neither a list nor an end.
type oneKey struct{ f found }

func (k oneKey) Traits() providers.Traits                          { return k.f.Traits() }
func (k oneKey) Identify(v providers.Values) (providers.ID, error) { return k.f.Identify(v) }
func (k oneKey) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	return k.f.Probe(ctx, v)
}

type oneKeyByAPI struct{ oneKey }

func (k oneKeyByAPI) IssueIn(_ context.Context, env, label string) (providers.Credential, error) {
	var c providers.Credential
	err := k.f.g.effect("issue", func() error {
		id := k.f.g.replaceKey(env, label)
		c = k.f.g.credential(id)
		return nil
	})
	return c, err
}

func (k oneKeyByAPI) Current(_ context.Context, env string) (providers.Credential, error) {
	var c providers.Credential
	err := k.f.g.effect("current", func() error { c = k.f.g.credential(k.f.g.holds[env]); return nil })
	return c, err
}

func (g *rig) credential(id providers.ID) providers.Credential {
	return providers.Credential{ID: id, Label: g.keys[id].label, Values: providers.Values{"FAL_KEY": secret.New(g.keys[id].value)}}
}

// replaceKey makes another key for an environment's account.
func (g *rig) replaceKey(env, label string) providers.ID {
	id := providers.ID(fmt.Sprintf("key-new%d", len(g.issued)+1))
	old := g.holds[env]
	g.issued = append(g.issued, id)
	g.keys[id] = key{label, string(id) + ":fedcba9876543210fedcba9876"}
	for e, held := range g.holds {
		if held == old {
			g.holds[e] = id
		}
	}
	if g.turns == providers.Grace {
		g.doomed[old] = time.Now().Add(30 * time.Minute)
	} else {
		delete(g.keys, old)
	}
	return id
}

type oneKeyByHand struct{ oneKey }

func (k oneKeyByHand) Guide(e providers.Errand) (providers.Guidance, error) {
	err := k.f.g.effect("guide", func() error { k.f.g.labels[e.Environment], k.f.g.polls[e.Environment] = e.Environment, 0; return nil })
	return providers.Guidance{Console: "https://console.test/key", Steps: []string{"Press Regenerate."}}, err
}

func (k oneKeyByHand) Inspect(_ context.Context, _ providers.Errand, v providers.Values) (providers.Inspection, error) {
	v = providers.Values{"FAL_KEY": v["FAL_KEY"].Trimmed()}
	var found providers.Inspection
	err := k.f.g.effect("inspect", func() error {
		id, err := k.Identify(v)
		if listed, there := k.f.g.keys[id]; err != nil || !there || listed.value != v["FAL_KEY"].Reveal() {
			found.Wrong = "The service does not accept that key."
			return nil
		}
		found.Credential = providers.Credential{ID: id, Values: v}
		return nil
	})
	return found, err
}

// hook holds the application's work, or lets it go on.
type hook struct {
	g    *rig
	name string
}

func (h hook) Trigger(_ context.Context, r deploy.Request) (deploy.Handle, error) {
	err := h.g.effect(h.name, func() error {
		if _, known := h.g.deploys[r.ID]; !known {
			h.g.deploys[r.ID], h.g.paused = deploy.Running, h.name == "pause"
		}
		return nil
	})
	return deploy.Handle{ID: r.ID}, err
}

func (h hook) Status(_ context.Context, d deploy.Handle) (deploy.Status, error) {
	err := h.g.effect("status "+h.name, func() error { h.g.deploys[d.ID] = deploy.Live; return nil })
	return deploy.Status{Phase: deploy.Live}, err
}
