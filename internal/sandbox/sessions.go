package sandbox

import (
	"slices"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/supabase"
)

// The writes to signing keys.
const (
	ImportSigner   Kind = "import a signing key"
	ActivateSigner Kind = "activate a signing key"
	RevokeSigner   Kind = "revoke a signing key"
	// PrepareSigner comes before a key that was used is activated again, and
	// before one that never was is revoked.
	PrepareSigner Kind = "prepare a signing key"
	// OtherSigner is whatever else can be done to them, which no rotation may.
	OtherSigner Kind = "another change of signing keys"
)

// shortestLife is the least that tokens of visitors live: browsers ask for the
// next one a good second before.
const shortestLife = 3 * time.Second

// tokenLife is an hour in the real world, in whole seconds.
func (o Options) tokenLife() time.Duration {
	return max(shortestLife, o.scaled(time.Hour/2400).Round(time.Second))
}

// seedSessions moves the projects to signing keys and switches their legacy API
// keys off, if the secret of tokens is played.
func (w *World) seedSessions(o Options) {
	w.signed = slices.Contains(o.Also, app.JWTSecret)
	if !w.signed {
		return
	}
	w.passes, w.oldSigners = map[string]string{}, map[string]supabase.Signer{}
	for _, k := range w.Supabase.Keys() {
		if k.Type == supabase.Publishable {
			w.passes[k.Project] = k.Value
		}
	}
	for _, environment := range []string{Staging, Production} {
		ref := SupabaseRef(environment)
		if !o.NotMigrated {
			w.Supabase.SwitchLegacy(ref, false)
			w.MoveToSigningKeys(environment)
		}
	}
}

// MoveToSigningKeys moves an environment's project, as a person does in the
// dashboard: its legacy secret becomes the first signing key.
func (w *World) MoveToSigningKeys(environment string) {
	w.oldSigners[environment] = w.Supabase.Migrate(SupabaseRef(environment))
}

// sessionsOf are an environment's signed-in visitors; nil when nobody is.
func (w *World) sessionsOf(environment string) *app.Sessions {
	if !w.signed {
		return nil
	}
	return app.NewSessions(w.supabaseProject(environment), w.passes[SupabaseRef(environment)])
}

// signingValues are the application's, if it verifies tokens: the secret, and
// the same as the one before.
func (w *World) signingValues(environment string) map[string]string {
	if !w.signed {
		return nil
	}
	secret := w.Supabase.LegacySecret(SupabaseRef(environment))
	return map[string]string{app.JWTSecret: secret, app.JWTPrevious: secret}
}

// OldSigner is the id of the signing key that an environment's project used when
// the world began.
func (w *World) OldSigner(environment string) string { return w.oldSigners[environment].ID }

func (w *World) noteSigner(s supabase.Write) {
	kind := map[supabase.Act]Kind{supabase.ImportedKey: ImportSigner, supabase.Activated: ActivateSigner, supabase.RevokedKey: RevokeSigner,
		supabase.StandBy: PrepareSigner, supabase.Retired: PrepareSigner}[s.Act]
	if kind == "" {
		kind = OtherSigner
	}
	w.wrote(kind, s.KeyID)
}

// signingSecrets are what projects sign with, or did.
func (w *World) signingSecrets() []scan.Secret {
	var all []scan.Secret
	for _, k := range w.Supabase.Signers() {
		all = append(all, scan.Secret{Name: "secret of signing key " + k.ID, Value: k.Secret})
	}
	return all
}
