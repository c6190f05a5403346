package sandbox

import (
	"net/http"
	"slices"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/supabase"
)

// SupabaseRef is the reference of an environment's project.
func SupabaseRef(environment string) string {
	return map[string]string{Staging: "shopstagingsandboxes", Production: "shopproductsandboxes"}[environment]
}

// The local Supabase takes twenty times as many requests a minute as the real
// one, in whose world waits of seconds last 20 times as long; its gateways
// learn of keys a little late.
const (
	supabaseRate   = 20 * 120
	supabaseSpread = 200 * time.Millisecond
)

// seedSupabase makes a project and a key for each environment, and keys that
// are others', if its key is played.
func (w *World) seedSupabase(o Options, made time.Time) {
	rows := slices.Contains(o.Also, app.SupabaseKey)
	if !rows && !slices.Contains(o.Also, app.JWTSecret) {
		return
	}
	w.Supabase = supabase.New(supabase.Options{
		Spread: o.scaled(supabaseSpread), Rate: supabaseRate * o.Speed, Throttle: o.scaled(5 * time.Minute / 200), TokenLife: o.tokenLife(),
	})
	w.supabaseAdmin = w.Supabase.AddToken(supabase.ReadKeys, supabase.WriteKeys, supabase.ReadLogs, supabase.ReadSigners, supabase.WriteSigners, supabase.ReadAuth)
	w.oldRows = map[string]supabase.Key{}
	for _, environment := range []string{Staging, Production} {
		ref := SupabaseRef(environment)
		w.Supabase.AddProject(ref)
		w.Supabase.Seed(ref, supabase.Publishable, "default", made)
		w.Supabase.Seed(ref, supabase.Secret, "default", made) // what Edge Functions look up
		w.Supabase.Seed(ref, supabase.Secret, "worker", made)
		if rows {
			w.oldRows[environment] = w.Supabase.Seed(ref, supabase.Secret, AppName, made)
		}
		if rows && o.LegacySupabase {
			w.oldRows[environment] = supabase.Key{ID: ref, Value: w.Supabase.LegacyKey(ref, "service_role"), Project: ref, Created: made} // its project names it
		}
	}
	w.seedSessions(o)
}

// OldSupabaseKey is the id of the key that an environment used when the world
// began.
func (w *World) OldSupabaseKey(environment string) string { return w.oldRows[environment].ID }

func (w *World) supabaseHandler() http.Handler {
	if w.Supabase == nil {
		return nil
	}
	return w.Supabase.Handler()
}

// supabaseProject is the address of an environment's project.
func (w *World) supabaseProject(environment string) string {
	if w.Supabase == nil {
		return ""
	}
	return w.endpoints.Supabase + "/" + SupabaseRef(environment)
}

// rowsAt is the same, if the application reads rows there.
func (w *World) rowsAt(environment string) string {
	if len(w.oldRows) == 0 {
		return ""
	}
	return w.supabaseProject(environment)
}

func (w *World) watchSupabase() {
	if w.Supabase == nil {
		return
	}
	w.Supabase.OnWrite(func(s supabase.Write) {
		switch s.Act {
		case supabase.Created:
			w.wrote(Create, s.KeyID+" "+s.Name)
		case supabase.Deleted:
			w.wrote(Delete, s.KeyID)
		case supabase.Legacy:
			w.wrote(LegacyKeys, s.KeyID)
		default:
			w.noteSigner(s)
		}
	})
}

// LegacyKeys is the switch that turns all legacy keys of a project off or on.
const LegacyKeys Kind = "switch legacy keys"

func (w *World) supabaseSecrets() []scan.Secret {
	if w.Supabase == nil {
		return nil
	}
	all := []scan.Secret{{Name: "Supabase access token", Value: w.supabaseAdmin}}
	for _, k := range w.Supabase.Keys() {
		all = append(all, scan.Secret{Name: "Supabase key " + k.ID, Value: k.Value},
			scan.Secret{Name: "the secret part of Supabase key " + k.ID, Value: k.Value[len("sb_"+k.Type+"_"):]})
	}
	for _, environment := range []string{Staging, Production} {
		ref := SupabaseRef(environment)
		all = append(all, scan.Secret{Name: "legacy key of Supabase project " + ref, Value: w.Supabase.LegacyKey(ref, "service_role")},
			scan.Secret{Name: "legacy JWT secret of Supabase project " + ref, Value: w.Supabase.LegacySecret(ref)})
	}
	return append(all, w.signingSecrets()...)
}

func (w *World) supabaseLabels() [][2]string {
	if w.Supabase == nil {
		return nil
	}
	var all [][2]string
	for _, k := range w.Supabase.Keys() {
		all = append(all, [2]string{"the name of Supabase key " + k.ID, k.Name})
	}
	return all
}
