package triggerdev

import (
	"fmt"

	"rekey/internal/fault"
	"rekey/providers"
)

// additional is the kind of the keys that people make and revoke.
type additional struct{ byHand }

var (
	_ providers.Kind     = (*additional)(nil)
	_ providers.Guide    = (*additional)(nil)
	_ providers.EndGuide = (*additional)(nil)
	_ providers.Prober   = (*additional)(nil)
)

// Traits of an additional key.
func (k *additional) Traits() providers.Traits {
	t := k.traits()
	t.Kind, t.Guided, t.EndByHand, t.Remember = "Trigger.dev additional key", true, true, "its access preset"
	t.EndIs = "revoked in the dashboard by a person, who is told how; Trigger.dev refuses it at once and cannot undo it"
	t.Drain = k.drain("public access tokens that were made with it live on until their own expiry, although it is revoked")
	return t
}

// Identify names an additional key.
func (k *additional) Identify(values providers.Values) (providers.ID, error) {
	return k.identify(values, func(own key) bool { return !own.root })
}

// GuideEnd says how to revoke a key.
func (k *additional) GuideEnd(environment string, id providers.ID) (providers.Guidance, error) {
	at, declared := k.places[environment]
	if !declared || id == "" {
		return providers.Guidance{}, fault.New("saying how to revoke a key at Trigger.dev", fault.NotFound, "no key of "+environment+" was looked at")
	}
	row := "Find the row whose last four characters are those named above. No other one."
	if last := k.p.shown(id); last != "" {
		row = fmt.Sprintf("Find the row of the key that ends in `%s`. No other one.", last)
	}
	if now, known := k.inUse[environment]; known && k.p.config.Name(now.value) != id {
		row += fmt.Sprintf(" (The one that ends in `%s` is in use and stays.)", now.value.Last4())
	}
	return providers.Guidance{Console: k.p.config.Console, Steps: []string{
		chosen(at), row,
		"Press Revoke in that row, and confirm. (If there is no such button, you lack the right in that environment.)",
	}}, nil
}

// chosen says where in the dashboard keys of a place are.
func chosen(at Place) string {
	return fmt.Sprintf("Choose the project `%s` and its environment `%s`.", at.Project, at.Environment)
}
