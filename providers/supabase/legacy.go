package supabase

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
)

// legacy says what it means that an environment holds a legacy key, from what
// the project tells without being changed. Such a key dies only together with
// its twin in every browser, so this version does not make it the old key of a
// rotation.
func (p *Provider) legacy(ctx context.Context, op string, h holding) error {
	c := claimed(h.value)
	switch {
	case c.Role == "anon":
		return fault.New(op, fault.Ambiguous, h.env+" holds the legacy anon key, which is public and has none of the rights of service_role; put a secret key of project "+h.ref+" there")
	case c.Role != "service_role":
		return fault.New(op, fault.Ambiguous, h.env+": that is a JWT, but not the legacy service_role key")
	case c.Ref != "" && c.Ref != h.ref:
		return fault.New(op, fault.Ambiguous, h.env+" holds the legacy service_role key of another project than "+h.ref+", which the configuration names")
	}
	if _, err := p.keys(ctx, h.ref); err != nil {
		return err // a project that is not there has no switch either
	}
	on, err := p.legacyOn(ctx, h.ref)
	if err != nil {
		return err
	}
	if !on {
		return fault.New(op, fault.Ambiguous, fmt.Sprintf("%s holds the legacy service_role key of project %s, where legacy keys are switched off: the application cannot be working with it. Put a secret key there (%s)", h.env, h.ref, console(h.ref)))
	}
	return fault.New(op, fault.Unsupported, fmt.Sprintf(
		"%s holds the legacy service_role key of project %s, and nothing was changed. It dies only when all legacy keys are switched off, which ends anon in every browser and app as well; %s. "+
			"To go on: make a secret key for this application under %s, see that every consumer sends it in the header apikey and none as Authorization: Bearer, put it into the vault and deploy. From then on it rotates here. Leave legacy keys switched on until the edge logs have shown none of them for %d days",
		h.env, h.ref, p.legacyUse(ctx, op, h.ref), console(h.ref), int(p.config.Quiet/slice)))
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

// legacyUse tells, in words, when the edge logs last showed a legacy key. That
// they could not be asked is told, and is no reason to believe anything.
func (p *Provider) legacyUse(ctx context.Context, op, ref string) string {
	now := time.Now().UTC().Truncate(time.Second).Add(time.Second)
	for back := time.Duration(0); back < p.config.Quiet; back += slice {
		u, err := p.edge(ctx, op, ref, roleAttribute+" in ('anon', 'service_role')", stretch{now.Add(-back - slice), now.Add(-back)})
		switch {
		case err != nil:
			return "whether they are still used could not be told, because the edge logs did not answer (" + strings.ReplaceAll(string(fault.Of(err).Reason), "_", " ") + ")"
		case u.requests != "":
			return fmt.Sprintf("they are still used: the edge logs show %s requests with one in 24 hours, the last on %s", u.requests, u.last.Format("2 January at 15:04 UTC"))
		}
	}
	return fmt.Sprintf("the edge logs of the last %d days show no request with one", int(p.config.Quiet/slice))
}
