package supabase

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

var (
	_ providers.Blocker = (*secretKey)(nil)
	_ providers.Forcer  = (*secretKey)(nil)
)

// legacyMark begins the id that a legacy service_role key has here: the project
// follows. Supabase has none for it, as there is one.
const legacyMark = "legacy_"

func legacyID(ref string) string { return legacyMark + ref }

// legacyOf is the project whose legacy key an id names; "" for other ids.
func (p *Provider) legacyOf(id providers.ID) string {
	ref, marked := strings.CutPrefix(string(id), legacyMark)
	if !marked || !slices.Contains(p.refs(), ref) {
		return ""
	}
	return ref
}

// serviceRole is the project of a legacy service_role key, as it says itself;
// "" for everything else.
func (p *Provider) serviceRole(v secret.Value) string {
	if c := claimed(v); isLegacy(v) && c.Role == "service_role" && slices.Contains(p.refs(), c.Ref) {
		return c.Ref
	}
	return ""
}

// legacy holds that an environment's legacy key can be replaced: that it is the
// project's and accepted, and that people have said that all who send it can
// send a secret key in its place.
func (p *Provider) legacy(ctx context.Context, op string, h holding) error {
	c := claimed(h.value)
	switch {
	case c.Role == "anon":
		return fault.New(op, fault.Ambiguous, h.env+" holds the legacy anon key, which is public and has none of the rights of service_role; put a secret key of project "+h.ref+" there")
	case c.Role != "service_role":
		return fault.New(op, fault.Ambiguous, h.env+": that is a JWT, but not the legacy service_role key")
	case c.Ref != "" && c.Ref != h.ref:
		return fault.New(op, fault.Ambiguous, h.env+" holds the legacy service_role key of another project than "+h.ref+", which the configuration names")
	case c.Ref == "":
		return fault.New(op, fault.Ambiguous, h.env+" holds a service_role key that does not say of which project it is, as legacy keys do")
	}
	if _, err := p.keys(ctx, h.ref); err != nil {
		return err // a project that is not there has no switch either
	}
	on, err := p.legacyOn(ctx, h.ref)
	switch {
	case err != nil:
		return err
	case !on:
		return fault.New(op, fault.Ambiguous, fmt.Sprintf("%s holds the legacy service_role key of project %s, where legacy keys are switched off: the application cannot be working with it. Put a secret key there (%s)", h.env, h.ref, console(h.ref)))
	case !p.config.SendsAPIKey:
		_, words := p.legacyQuiet(ctx, op, h.ref)
		return fault.New(op, fault.Unsupported, fmt.Sprintf(
			"%s holds the legacy service_role key of project %s (%s), and nothing was changed. It can be replaced by a secret key, which is sent in the header apikey and never as Authorization: Bearer. See that every consumer does so and write sends_apikey: true, then it rotates here. "+
				"It dies only when all legacy keys are switched off, which ends anon in every browser and app as well: that is asked for by a card of its own, once the edge logs have shown none of them for %d days. Now %s",
			h.env, h.ref, console(h.ref), p.quietDays(), words))
	}
	return p.accepted(ctx, op, h)
}

// accepted asks the project itself, which knows its two legacy keys by heart.
func (p *Provider) accepted(ctx context.Context, op string, h holding) error {
	switch r := p.root(ctx, op, h.ref, h.value); {
	case r.accepted:
		return nil
	case r.refused:
		return fault.New(op, fault.Ambiguous, fmt.Sprintf("%s holds a service_role key that project %s refuses, so the application cannot be working with it", h.env, h.ref))
	default:
		return r.failure(op)
	}
}

// legacyOn asks whether legacy keys are accepted. Where the question is not
// known any more, there are none.
func (p *Provider) legacyOn(ctx context.Context, ref string) (bool, error) {
	const op = "asking Supabase about legacy keys"
	var state struct {
		Enabled *bool `json:"enabled"`
	}
	err := p.asAdmin(ctx, rest.Call{Op: op, Path: keysPath(ref) + "/legacy"}, &state)
	switch {
	case fault.Is(err, fault.NotFound):
		return false, nil
	case err != nil:
		return false, err
	case state.Enabled == nil:
		return false, fault.New(op, fault.Garbled, "the answer does not say whether they are enabled")
	}
	return *state.Enabled, nil
}

func (p *Provider) quietDays() int { return int(p.config.Quiet / slice) }

// legacyUse tells, in words, when the edge logs last showed a legacy key.
func (p *Provider) legacyUse(ctx context.Context, op, ref string) string {
	_, words := p.legacyQuiet(ctx, op, ref)
	return words
}

// legacyQuiet reports whether the edge logs have shown no legacy key for as
// long as is asked for, and tells it in words. Silence that could not be heard
// is none: logs that do not answer, or do not reach so far back. Our own probes
// do not count.
func (p *Provider) legacyQuiet(ctx context.Context, op, ref string) (bool, string) {
	now := time.Now().UTC().Truncate(time.Second).Add(time.Second)
	unheard := func(err error) (bool, string) {
		return false, "whether they are still used could not be told, because the edge logs did not answer (" + strings.ReplaceAll(string(fault.Of(err).Reason), "_", " ") + ")"
	}
	for back := time.Duration(0); back < p.config.Quiet; back += slice {
		u, err := p.edge(ctx, op, ref, roleAttribute+" in ('anon', 'service_role')"+notOurs, stretch{now.Add(-back - slice), now.Add(-back)})
		switch {
		case err != nil:
			return unheard(err)
		case u.requests != "":
			return false, fmt.Sprintf("they are still used: the edge logs show %s requests with one in 24 hours, the last on %s", u.requests, u.last.Format("2 January at 15:04 UTC"))
		}
	}
	kept, err := p.keeps(ctx, askedOf{op: op, ref: ref}, now.Add(-p.config.Quiet))
	words := fmt.Sprintf("the edge logs of the last %d days show no request with one", p.quietDays())
	switch {
	case err != nil:
		return unheard(err)
	case !kept:
		return false, fmt.Sprintf("%s, but nor any other of %d days ago: the project's plan may not keep them so long. Set legacy_quiet to what it keeps, a day at least", words, p.quietDays())
	}
	return true, words
}

// Blocked says that legacy keys are still in use, or that it cannot be told.
// Nothing else keeps a key from being ended.
func (k *secretKey) Blocked(ctx context.Context, id providers.ID) (string, error) {
	const op = "asking whether legacy keys are still used"
	ref := k.p.legacyOf(id)
	if ref == "" {
		return "", nil
	}
	on, err := k.p.legacyOn(ctx, ref)
	if err != nil || !on {
		return "", err
	}
	quiet, words := k.p.legacyQuiet(ctx, op, ref)
	if quiet {
		return "", nil
	}
	return fmt.Sprintf("The legacy keys of project %s are not switched off yet, because that ends anon in every browser and app, too: %s. They must not have been used for %d days.", ref, words, k.p.quietDays()), nil
}

// Harm says who else is cut off by the end of a legacy key.
func (k *secretKey) Harm(ctx context.Context, id providers.ID) string {
	ref := k.p.legacyOf(id)
	if ref == "" {
		return ""
	}
	_, words := k.p.legacyQuiet(ctx, "asking whether legacy keys are still used", ref)
	return fmt.Sprintf("Its end switches ALL LEGACY KEYS of project %s off: the public anon key, too, in every browser and app that sends it, until each has a publishable key in its place. %s%s. "+
		"They can be switched on again in the dashboard, and then the leaked one works again, too.", ref, strings.ToUpper(words[:1]), words[1:])
}

// EndNow ends a key that may be in use: by the thief, in an emergency.
func (k *secretKey) EndNow(ctx context.Context, id providers.ID) error {
	if ref := k.p.legacyOf(id); ref != "" {
		return k.switchOff(ctx, ref, true)
	}
	return k.End(ctx, id)
}

// switchOff turns both legacy keys of a project off, once more only if nobody
// uses them, unless they are to go whoever does.
func (k *secretKey) switchOff(ctx context.Context, ref string, used bool) error {
	const op = "switching off the legacy keys of a Supabase project"
	on, err := k.p.legacyOn(ctx, ref)
	if err != nil || !on {
		return err
	}
	if !used {
		if quiet, words := k.p.legacyQuiet(ctx, op, ref); !quiet {
			return fault.New(op, fault.ChangedByOther, "project "+ref+": "+words+". They were left on")
		}
	}
	var state struct {
		Enabled *bool `json:"enabled"`
	}
	err = k.p.asAdmin(ctx, rest.Call{Op: op, Method: http.MethodPut, Path: keysPath(ref) + "/legacy", Query: url.Values{"enabled": {"false"}}, Write: true}, &state)
	if err == nil && (state.Enabled == nil || *state.Enabled) {
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer does not say that they are off"}
	}
	return err
}

// sides are the environments that were surveyed with a legacy key, and the
// others.
func (k *secretKey) sides() (legacy, others []string) {
	for _, h := range k.held {
		switch {
		case h.env == "": // made here
		case k.p.legacyOf(providers.ID(h.id)) != "":
			legacy = append(legacy, h.env)
		default:
			others = append(others, h.env)
		}
	}
	return legacy, others
}

// endIs says what the end does to the keys that were surveyed.
func (k *secretKey) endIs() string {
	const (
		plain    = "deleted at once; Supabase cannot undo it"
		switched = "switched off together with all legacy keys of its project, anon among them; a person can switch them on again in the dashboard"
	)
	switch legacy, others := k.sides(); {
	case len(legacy) == 0:
		return plain
	case len(others) == 0:
		return switched
	default:
		return fmt.Sprintf("%s: %s; %s: %s", strings.Join(legacy, " and "), switched, strings.Join(others, " and "), plain)
	}
}

// notice says what the end of a legacy key costs, before anything begins and
// when it is asked for.
func (k *secretKey) notice() string {
	legacy, _ := k.sides()
	if len(legacy) == 0 {
		return ""
	}
	return "the key in use in " + strings.Join(legacy, " and ") + " is a legacy one. Its end switches ALL LEGACY KEYS of the project off, which also ends the public anon key in every browser and app that still sends it; outside of an emergency it is asked for only when the edge logs have shown no legacy key for days"
}
