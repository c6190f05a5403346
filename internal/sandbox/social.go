package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/ayrshare"
	"rekey/internal/sandbox/scan"
)

// ReplacedByHand is a person's click in a dashboard that makes a new key in the
// place of the old one, which the bot asks for. It is noted by the old one.
const ReplacedByHand Kind = "replaced by hand"

// Ayrshare answers 300 requests of a key in five minutes, and suspends who is
// turned away a thousand times in a day; both are shortened as waits are.
const (
	socialWindow = 5 * time.Minute / 200
	socialDay    = 24 * time.Hour / 2400
)

// social is what the seed made at Ayrshare.
type social struct {
	old map[string]ayrshare.Key // by environment; nil when nothing uses them
	one bool                    // both environments have the same
}

// SocialAccount is the reference of an environment's account.
func SocialAccount(environment string) string { return "shop" + environment }

// seedSocial opens an account for each environment and somebody else's, if the
// key is played.
func (w *World) seedSocial(o Options, made time.Time) {
	if !slices.Contains(o.Also, app.SocialKey) {
		return
	}
	w.Ayrshare = ayrshare.New(ayrshare.Options{Window: o.scaled(socialWindow), Day: o.scaled(socialDay)})
	w.social = social{old: map[string]ayrshare.Key{}, one: o.OneSocial}
	for _, environment := range []string{Staging, Production} {
		w.social.old[environment] = w.Ayrshare.Open(SocialAccount(environment), made)
		made = made.Add(time.Hour)
	}
	if o.OneSocial {
		w.social.old[Staging] = w.social.old[Production]
	}
	w.Ayrshare.Open("agency", made)
	w.Ayrshare.Schedule(2)
}

// OneSocial reports whether both environments use the same key.
func (w *World) OneSocial() bool { return w.social.one }

// OldSocialKey is the id of the key that an environment used when the world
// began.
func (w *World) OldSocialKey(environment string) string { return w.social.old[environment].ID }

// values are the key's, if the application uses one.
func (s social) values(environment string) map[string]string {
	if s.old == nil {
		return nil
	}
	return map[string]string{app.SocialKey: s.old[environment].Value}
}

func (w *World) socialHandler() http.Handler {
	if w.Ayrshare == nil {
		return nil
	}
	return w.Ayrshare.Handler()
}

// socialAt is where the application posts.
func (w *World) socialAt() string { return w.endpoints.Ayrshare }

// ReplaceSocialKey is the click in the dashboard, as a person does it, who then
// copies the value. It is noted with who had approved it: no person is to be
// asked before.
func (w *World) ReplaceSocialKey(environment string) (ayrshare.Key, bool) {
	if w.social.one {
		environment = Production
	}
	old, fresh, ok := w.Ayrshare.Regenerate(SocialAccount(environment))
	if ok {
		w.clipboard.set(copied{fresh.Value, fresh.ID, app.SocialKey})
		w.wrote(ReplacedByHand, old.ID)
	}
	return fresh, ok
}

// issuedSocial lists what of Ayrshare is secret.
func (w *World) issuedSocial() []scan.Secret {
	if w.Ayrshare == nil {
		return nil
	}
	var all []scan.Secret
	for _, k := range w.Ayrshare.Keys() {
		all = append(all, scan.Secret{Name: "Ayrshare key " + k.ID, Value: k.Value},
			scan.Secret{Name: "the groups of Ayrshare key " + k.ID, Value: strings.ReplaceAll(k.Value, "-", "")})
	}
	for _, v := range w.Ayrshare.Secrets() {
		all = append(all, scan.Secret{Name: "Profile Key of Ayrshare", Value: v})
	}
	return all
}
