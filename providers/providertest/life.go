package providertest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/fault"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

func has[T any](kind providers.Kind) bool {
	_, ok := kind.(T)
	return ok
}

func traitsAgree(t testing.TB, s Subject) {
	w, kind := open(t, s)
	traits := kind.Traits()
	if traits.UndoOfEnd != has[providers.Disabler](kind) {
		t.Errorf("UndoOfEnd is %v, but having Disabler is %v", traits.UndoOfEnd, !traits.UndoOfEnd)
	}
	if has[providers.Disabler](kind) && !has[providers.Ender](kind) {
		t.Error("it can be disabled but not ended")
	}
	if traits.Unnamed != has[providers.Recaller](kind) {
		t.Errorf("Unnamed is %v, but having Recaller is %v", traits.Unnamed, !traits.Unnamed)
	}
	if traits.Guided != has[providers.Guide](kind) {
		t.Errorf("Guided is %v, but having Guide is %v", traits.Guided, !traits.Guided)
	}
	if traits.Moves && (continuer(w) == nil || !has[providers.Ender](kind)) {
		t.Error("it moves to another kind, but its provider is no Continuer, or nothing ends the old ones")
	}
	byHand := has[providers.EndGuide](kind)
	if traits.EndByHand != byHand || byHand && has[providers.Ender](kind) {
		t.Errorf("EndByHand is %v, having EndGuide is %v, having Ender is %v", traits.EndByHand, byHand, has[providers.Ender](kind))
	}
	methods := map[string]bool{
		"Issuer": has[providers.Issuer](kind) || has[providers.PlacedIssuer](kind) || has[providers.Guide](kind), "Lister": has[providers.Lister](kind) || byHand,
		"Prober": has[providers.Prober](kind), "Ender": has[providers.Ender](kind) || byHand,
		"Current": has[providers.Current](kind) || traits.Guided, "Continuer": continuer(w) != nil,
		"Importer": has[providers.Importer](kind), "Activator": has[providers.Activator](kind), "Minter": has[providers.Minter](kind),
	}
	needs, known := map[providers.Shape][]string{
		providers.Overlap:     {"Issuer", "Lister", "Prober", "Ender"},
		providers.Grace:       {"Issuer", "Current", "Prober"},
		providers.Cutover:     {"Issuer", "Current", "Prober", "Continuer"},
		providers.DeployFirst: {"Importer", "Activator", "Minter", "Lister", "Prober", "Ender"},
	}[traits.Shape]
	if !known {
		t.Errorf("shape %q is not one of the contract's", traits.Shape)
	}
	for _, method := range needs {
		if !methods[method] {
			t.Errorf("the shape is %s, but there is no %s", traits.Shape, method)
		}
	}
}

// profiled holds that what people read of a kind is said of that very kind.
func profiled(t testing.TB, s Subject) {
	if s.Profiles == nil {
		t.Skip("the subject has no profiles")
	}
	_, kind := open(t, s)
	at := slices.IndexFunc(s.Profiles, func(p providers.Profile) bool { return reflect.TypeOf(p.Kind) == reflect.TypeOf(kind) })
	if at < 0 {
		t.Fatalf("none of the %d profiles is of a %T", len(s.Profiles), kind)
	}
	told, found := s.Profiles[at].Kind.Traits(), kind.Traits()
	told.Waits, found.Waits = providers.Waits{}, providers.Waits{} // of the configuration
	told.Account, found.Account = "", ""                           // only the service knows
	if diff := cmp.Diff(told, found); diff != "" {
		t.Errorf("the profile tells other traits than the survey found:\n%s", diff)
	}
	if s.Profiles[at].When == "" {
		t.Error("the profile does not say what the kind is found by")
	}
	if has[providers.Auditor](kind) && s.Profiles[at].Audit != "" {
		t.Error("the kind tells what an audit finds, and the profile tells it again")
	}
}

// harmless are lines of a healthy application's log: none may fail a watch.
var harmless = []string{
	"",
	`level=info msg="request done" status=200 duration_ms=401 path=/api/v1/403`,
	`127.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /health HTTP/1.1" 200 401`,
	`level=warn msg="sign-in refused" path=/login status=401`,
}

func traitsUsable(t testing.TB, s Subject) {
	_, kind := open(t, s)
	traits := kind.Traits()
	for name, text := range map[string]string{"Kind": traits.Kind, "Service": traits.Service} {
		if text == "" {
			t.Errorf("%s is empty", name)
		}
	}
	if waits := traits.Waits; min(waits.Settle, waits.Hold, waits.ProbeFirst, waits.ProbeEvery, waits.ProbeFor) < 0 {
		t.Errorf("a wait is negative: %+v", waits)
	}
	if has[providers.Ender](kind) && (traits.EndIs == "" || traits.Waits.ProbeEvery == 0 || traits.Waits.ProbeFor == 0) {
		t.Error("it can be ended, but EndIs, ProbeEvery or ProbeFor is not set")
	}
	if kills(traits.Shape) && (traits.Waits.ProbeEvery == 0 || traits.Waits.ProbeFor == 0) {
		t.Error("issuing kills the old one, but ProbeEvery or ProbeFor is not set")
	}
	if grace := traits.Waits.Grace; traits.Shape == providers.Grace && (grace == 0 || traits.Waits.Margin >= grace || traits.Waits.ProbeAfter == 0) {
		t.Errorf("a grace of %s, a margin of %s and a probe after %s fit no plan", grace, traits.Waits.Margin, traits.Waits.ProbeAfter)
	}
	for _, signature := range traits.Signatures {
		pattern, err := regexp.Compile(signature)
		if err != nil {
			t.Errorf("signature %q: %v", signature, err)
			continue
		}
		for _, line := range harmless {
			if pattern.MatchString(line) {
				t.Errorf("signature %q is hit by the harmless line %q", signature, line)
			}
		}
	}
	if diff := cmp.Diff(traits, kind.Traits()); diff != "" {
		t.Errorf("traits change from call to call:\n%s", diff)
	}
	if _, err := json.Marshal(traits); err != nil {
		t.Errorf("traits are hashed in their JSON form: %v", err)
	}
}

func identify(t testing.TB, s Subject) {
	w, kind := open(t, s)
	for env, values := range w.Current {
		id, err := kind.Identify(values)
		if err != nil || id == "" {
			t.Errorf("%s: identified as %q, %v", env, id, err)
			continue
		}
		secrettest.NoLeak(t, w.Secrets(), string(id))
		if has[providers.Lister](kind) && len(find(t, kind, hasID(id))) != 1 {
			t.Errorf("%s: %s is not in the list once", env, id)
		}
	}
	for i, values := range w.Malformed {
		id, err := kind.Identify(values)
		if err == nil {
			t.Errorf("malformed values %d were identified as %q", i, id)
			continue
		}
		secrettest.NoLeak(t, w.Secrets(), classified(t, "identifying malformed values", err))
	}
}

func surveyAsks(t testing.TB, s Subject) {
	w, _ := open(t, s)
	strange := map[string]map[string]providers.Values{
		"no environment":          {},
		"no values":               {"staging": {}},
		"values it never issued":  {"staging": w.Unknown},
		"one of two is not known": {"production": w.Unknown},
	}
	for env, values := range w.Current {
		if env != "production" {
			strange["one of two is not known"][env] = values
		}
	}
	for i, values := range w.Malformed {
		strange[fmt.Sprintf("malformed values %d", i)] = map[string]providers.Values{"staging": values}
	}
	for what, current := range strange {
		kind, err := w.Provider.Survey(t.Context(), current)
		f := classified(t, what, err)
		if f.Class != fault.Ask || kind != nil {
			t.Errorf("%s: survey found %v and %v, want a question to a person", what, kind, err)
		}
		secrettest.NoLeak(t, w.Secrets(), err)
	}
}

func life(t testing.TB, s Subject) {
	w, kind := open(t, s)
	overlaps := kind.Traits().Shape == providers.Overlap
	first := issue(t, w, kind, s.Label)
	belongs(t, kind, first, s.Label)
	lives(t, "the new one", kind, first.Values, providers.Alive)
	if !overlaps {
		return // what else lives then is the shape's own affair
	}
	for env, values := range w.Current {
		lives(t, "the old one of "+env+" after issuing", kind, values, providers.Alive)
	}
	if kind.Traits().Moves {
		moves(t, w, kind, first)
		return
	}
	second := issue(t, w, kind, s.Label+"b")
	if first.ID == second.ID {
		t.Errorf("two credentials share the id %s", first.ID)
	}
	ender := capability[providers.Ender](t, kind)
	for range 2 {
		if err := ender.End(t.Context(), first.ID); err != nil {
			t.Errorf("ending %s, which may be done twice: %v", first.ID, err)
		}
	}
	lives(t, "the ended one", kind, first.Values, providers.Refused)
	lives(t, "the other one", kind, second.Values, providers.Alive)
	for env, values := range w.Current {
		lives(t, "the old one of "+env+" after ending another", kind, values, providers.Alive)
	}
	if len(find(t, kind, hasID(first.ID))) != 0 {
		t.Errorf("%s is listed after its end", first.ID)
	}
	lives(t, "one that never lived", kind, w.Unknown, providers.Refused)
	secrettest.NoLeak(t, w.Secrets(), first, second, &first, kind, find(t, kind, hasID(second.ID)))
}

// belongs holds an issued credential against its label, its values and the list.
func belongs(t testing.TB, kind providers.Kind, c providers.Credential, label string) {
	t.Helper()
	if id, err := kind.Identify(c.Values); err != nil || id != c.ID || id == "" {
		t.Errorf("issued as %q, but its values are identified as %q, %v", c.ID, id, err)
	}
	for name, value := range c.Values {
		if value.IsZero() {
			t.Errorf("%s was issued empty", name)
		}
	}
	if !has[providers.Lister](kind) || kind.Traits().Moves {
		return
	}
	listed := find(t, kind, hasLabel(label))
	if has[providers.Recaller](kind) { // no label tells
		listed = find(t, kind, hasID(c.ID))
	}
	if len(listed) != 1 || listed[0].ID != c.ID {
		t.Errorf("the list has %d entries with label %s; want the one with id %s", len(listed), label, c.ID)
	}
	for _, entry := range listed {
		if len(entry.Values) != 0 {
			t.Error("the list claims to know values")
		}
	}
}

func endExplicit(t testing.TB, s Subject) {
	_, kind := open(t, s)
	ender := capability[providers.Ender](t, kind)
	before := len(find(t, kind, everything))
	classified(t, "ending no id", ender.End(t.Context(), ""))
	if after := len(find(t, kind, everything)); after != before {
		t.Errorf("ending no id left %d of %d credentials", after, before)
	}
}

func everything(providers.Credential) bool { return true }

func disable(t testing.TB, s Subject) {
	w, kind := open(t, s)
	disabler := capability[providers.Disabler](t, kind)
	c := issue(t, w, kind, s.Label)
	for _, act := range []struct {
		name string
		do   func() error
		want providers.Liveness
	}{
		{"disabling", func() error { return disabler.Disable(t.Context(), c.ID) }, providers.Refused},
		{"disabling again", func() error { return disabler.Disable(t.Context(), c.ID) }, providers.Refused},
		{"enabling", func() error { return disabler.Enable(t.Context(), c.ID) }, providers.Alive},
		{"enabling again", func() error { return disabler.Enable(t.Context(), c.ID) }, providers.Alive},
	} {
		if err := act.do(); err != nil {
			t.Errorf("%s: %v", act.name, err)
		}
		lives(t, act.name, kind, c.Values, act.want)
		if len(find(t, kind, hasID(c.ID))) != 1 {
			t.Errorf("after %s it is not listed", act.name)
		}
	}
	classified(t, "disabling no id", disabler.Disable(t.Context(), ""))
	classified(t, "enabling no id", disabler.Enable(t.Context(), ""))
}
