package supabase_test

import (
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// surveyLegacy surveys production with its legacy key.
func surveyLegacy(t *testing.T, w world, reason fault.Reason) *fault.Error {
	t.Helper()
	current := w.current()
	current["production"] = providers.Values{variable: jwt(productionRef, "service_role")}
	_, err := w.provider(t).Survey(t.Context(), current)
	f := failed(t, w, err, fault.Ask, reason)
	secrettest.NoLeak(t, []secret.Value{jwt(productionRef, "service_role")}, err)
	onlyRead(t, w)
	if !w.legacy[productionRef] && reason == fault.Unsupported {
		t.Error("legacy keys were switched off")
	}
	return f
}

// TestLegacyKeyIsRecognised: it is refused with what was found, what it would
// take, and what to do (trap 2: the new kind goes into apikey only).
func TestLegacyKeyIsRecognised(t *testing.T) {
	w := newWorld(t)
	f := surveyLegacy(t, w, fault.Unsupported)
	says(t, f, "production holds the legacy service_role key of project "+productionRef, "nothing was changed", "ends anon",
		"the edge logs of the last 7 days show no request with one", "header apikey", "Authorization: Bearer", "7 days")
}

func TestLegacyKeysInUseAreTold(t *testing.T) {
	w := newWorld(t)
	at := time.Now().UTC().Add(-50 * time.Hour)
	w.uses = []use{{ref: productionRef, role: "anon", at: at.Add(-time.Hour)}, {ref: productionRef, role: "service_role", at: at},
		{ref: stagingRef, role: "anon", at: time.Now().Add(-time.Minute)}}
	says(t, surveyLegacy(t, w, fault.Unsupported), "they are still used", "2 requests", at.Format("2 January at 15:04 UTC"))
}

// TestLegacyKeysWithoutLogs: silence that could not be heard is no silence.
func TestLegacyKeysWithoutLogs(t *testing.T) {
	w := newWorld(t)
	w.rights = w.rights[:2]
	says(t, surveyLegacy(t, w, fault.Unsupported), "could not be told", "forbidden")
}

func TestLegacyKeysThatAreOff(t *testing.T) {
	w := newWorld(t)
	w.legacy[productionRef] = false
	says(t, surveyLegacy(t, w, fault.Ambiguous), "switched off", "cannot be working")
}
