package helius

import (
	"fmt"

	"rekey/internal/fault"
	"rekey/providers"
)

// single is the kind of a plan with one key: people delete it and make another
// in its place, within a minute of each other.
type single struct{ byHand }

var (
	_ providers.Continuer = (*Provider)(nil)
	_ providers.Kind      = (*single)(nil)
	_ providers.Guide     = (*single)(nil)
	_ providers.Prober    = (*single)(nil)
	_ providers.Tailer    = (*single)(nil)
	_ providers.Disguiser = (*single)(nil)
)

// Traits of the only key.
func (k *single) Traits() providers.Traits {
	t := k.traits("Helius API key, the plan's only one")
	t.Shape, t.Guided, t.EndByHand = providers.Cutover, true, false
	t.EndIs = "deleted in the dashboard by a person who then makes the new one; from then until the new build is live, pages have no key and fall back to what the application has instead"
	return t
}

// Guide says how to put a key in the place of the only one.
func (k *single) Guide(e providers.Errand) (providers.Guidance, error) {
	own, surveyed := k.inUse[e.Environment]
	if !surveyed {
		return providers.Guidance{}, fault.New("saying how to replace a key at Helius", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	return providers.Guidance{Console: k.p.config.Console, Paste: k.p.config.Variables[:1], Steps: []string{
		fmt.Sprintf("Note the access rules of the key %s (section RPCs), and delete it. From here on pages have no key.", ending(own.key)),
		"Press Create New API Key at once.",
		fmt.Sprintf("Name: `%s`. Give it the access rules that the deleted one had.", e.Label),
		"Copy the new key. The whole RPC URL will do as well: nothing but the key is taken from it.",
	}}, nil
}
