package langfuse

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/providers"
)

// manual is the kind of a plan without the API for keys: people make the pairs
// in the dashboard and delete them there. Nothing is listed, so the halves of
// two pairs are told apart only as far as the public key alone can tell.
type manual struct{ *pairs }

var (
	_ providers.Kind      = (*manual)(nil)
	_ providers.Guide     = (*manual)(nil)
	_ providers.EndGuide  = (*manual)(nil)
	_ providers.Prober    = (*manual)(nil)
	_ providers.Disguiser = (*manual)(nil)
)

// Traits of a pair that people make and delete.
func (k *manual) Traits() providers.Traits {
	t := k.pairs.Traits()
	t.Kind, t.Guided, t.EndByHand, t.Remember = kindOfPlan, true, true, unseen
	t.EndIs = "deleted in the dashboard by a person, who is told how; Langfuse cannot undo it, and may accept the key for up to five minutes more"
	return t
}

// GuideEnd says how to delete a pair.
func (k *manual) GuideEnd(environment string, id providers.ID) (providers.Guidance, error) {
	at, surveyed := k.places[environment]
	if !surveyed {
		return providers.Guidance{}, fault.New("saying how to delete a key at Langfuse", fault.NotFound, "no key of "+environment+" was looked at")
	}
	row := fmt.Sprintf("Find the row whose public key is `%s`. No other one.", id)
	if k.inUse[environment].id() == id {
		row += " Note its permissions: the next key needs them, and nobody can look them up afterwards."
	}
	return providers.Guidance{Console: at.console(), Steps: []string{row, "Press Delete in that row, and confirm."}}, nil
}

// Inspect holds a pasted pair against the form, what is in use, and the
// service.
func (k *manual) Inspect(ctx context.Context, e providers.Errand, values providers.Values) (providers.Inspection, error) {
	own, err := k.p.form.read(trimmed(values))
	if err != nil {
		return providers.Inspection{Wrong: pasted(err)}, nil
	}
	at, surveyed := k.places[e.Environment]
	if !surveyed {
		return providers.Inspection{}, fault.New("trying a new key at Langfuse", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	dead, err := at.site.unknown(ctx, own.public)
	if err != nil {
		return providers.Inspection{}, err
	}
	if wrong := k.taken(own); wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	found, err := k.tried(ctx, e, own, wireKey{})
	switch {
	case err != nil || found.Wrong != "" || found.Wait:
		return found, err
	case dead:
		return providers.Inspection{Wrong: fmt.Sprintf("Langfuse accepts the secret key and does not know the public key %s: these are halves of two pairs.", own.public)}, nil
	}
	found.Credential.Made = time.Now().UTC()
	return found, nil
}

// publicKnown holds that the service knows the public key of every environment
// by itself: a request with the pair would not show that it does not.
func (k *pairs) publicKnown(ctx context.Context) error {
	for _, env := range slices.Sorted(maps.Keys(k.inUse)) {
		own := k.inUse[env]
		switch dead, err := k.places[env].site.unknown(ctx, own.public); {
		case err != nil:
			return err
		case dead:
			return mixed(opSurvey, env+": ", own, nil)
		}
	}
	return nil
}

// unknown asks with the public key alone, as browsers do. What it may do then
// is another matter; only that the service does not know it counts.
func (s *site) unknown(ctx context.Context, public string) (bool, error) {
	const op = "asking Langfuse about a public key"
	var said refusal
	var page struct{}
	answer, err := s.api.Do(ctx, rest.Call{
		Op: op, Path: "/api/public/projects", Refusal: &said,
		Sign: func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+public) },
	}, &page)
	switch {
	case answer.Status == http.StatusUnauthorized && said.says("invalid public key"):
		return true, nil
	case err == nil, answer.Status == http.StatusForbidden && said != (refusal{}):
		return false, nil
	}
	return false, fault.Explained(err, between, fault.Unauthorized, fault.Forbidden)
}
