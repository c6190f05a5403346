package supabase_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/supabase"
)

// surveyed is what a survey of the current values finds.
func (w signingWorld) surveyed(t testing.TB, change ...func(*supabase.SigningConfig)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

// imported makes a key and imports it for production.
func imported(t testing.TB, kind providers.Kind) providers.Credential {
	t.Helper()
	i := kind.(providers.Importer)
	c, err := i.Make("rk_test_production_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Import(t.Context(), "production", c.ID, c.Values); err != nil {
		t.Fatal(err)
	}
	return c
}

func activated(t testing.TB, kind providers.Kind) providers.Credential {
	t.Helper()
	c := imported(t, kind)
	if err := kind.(providers.Activator).Activate(t.Context(), "production", c.ID); err != nil {
		t.Fatal(err)
	}
	return c
}

func signs(t testing.TB, kind providers.Kind) string {
	t.Helper()
	id, err := kind.(providers.Activator).Active(t.Context(), "production")
	if err != nil {
		t.Fatal(err)
	}
	return string(id)
}

// Trap 1: it is no API key. A new value is standby first, the project signs
// with the old one until it is told, and both are trusted from then on.
func TestANewKeyIsStandbyFirst(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	if s := kind.Traits().Shape; s != providers.DeployFirst {
		t.Errorf("the shape is %s", s)
	}
	c := imported(t, kind)
	if now := signs(t, kind); now != w.old["production"].ID {
		t.Errorf("after the import the project signs with %s", now)
	}
	lives := func(v providers.Values) providers.Liveness {
		f, err := kind.(providers.Prober).Probe(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		return f.Liveness
	}
	if lives(c.Values) != providers.Refused {
		t.Error("a standby key is trusted already")
	}
	if err := kind.(providers.Activator).Activate(t.Context(), "production", c.ID); err != nil {
		t.Fatal(err)
	}
	if lives(c.Values) != providers.Alive || lives(w.current()["production"]) != providers.Alive {
		t.Error("after the activation not both are trusted")
	}
}

// Trap 2: the service gets the very bytes of the text that the application
// uses, and a token of that text is accepted.
func TestTheBytesOfTheTextAreImported(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	c := imported(t, kind)
	body := w.signers.bodies[0]
	text, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || !secret.New(string(text)).Equal(c.Values["JWT_SECRET"]) || strings.Contains(body, "=") {
		t.Errorf("k is not the base64url of the value, without padding: %v", err)
	}
	for _, end := range []string{"\n", " ", "\r\n"} {
		v := both(append(slices.Clone(w.old["production"].text), end...), w.old["production"].text)
		if _, err := kind.Identify(v); err == nil {
			t.Errorf("a value that ends in %q was taken", end)
		}
	}
	// The value in the vault is the base64 of the text that was imported.
	twice := []byte(base64.StdEncoding.EncodeToString(w.old["production"].text))
	_, err = w.provider(t).Survey(t.Context(), map[string]providers.Values{"production": both(twice, twice)})
	says(t, failed(t, w.world, err, fault.Ask, fault.Ambiguous), "base64 twice")
}

// Trap 3: how long tokens live is read each time, and may be days.
func TestTheLifeOfTokensIsRead(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	if hold := kind.Traits().Waits.Hold; hold != time.Hour+15*time.Minute {
		t.Errorf("hold is %s: that of the project with the longest-lived tokens, and a quarter", hold)
	}
	w.signers.exp[productionRef] = 5 * 24 * 3600
	long, err := kind.(providers.Activator).Lingers(t.Context(), "production")
	if err != nil || long != 5*24*time.Hour+15*time.Minute {
		t.Errorf("lingers %s, %v", long, err)
	}
	for _, strange := range []any{nil, 0, -1, 1 << 40} {
		w.signers.exp[productionRef] = strange
		_, err := kind.(providers.Activator).Lingers(t.Context(), "production")
		failed(t, w.world, err, fault.Ask, fault.Garbled)
	}
}

// Trap 4: the legacy secret is not revoked under legacy API keys that are
// switched on; the reason is told before, and again at the act.
func TestLegacyKeysBlockTheRevocation(t *testing.T) {
	w := newSigningWorld(t)
	w.legacy[productionRef] = true
	w.uses = []use{{ref: productionRef, role: "anon", at: time.Now().Add(-time.Hour)}}
	kind := w.surveyed(t)
	activated(t, kind)
	id := providers.ID(w.old["production"].ID)
	why, err := kind.(providers.Blocker).Blocked(t.Context(), id)
	if err != nil || !strings.Contains(why, "anon and service_role") || !strings.Contains(why, "they are still used") || !strings.HasSuffix(why, ".") {
		t.Errorf("blocked: %q, %v", why, err)
	}
	err = kind.(providers.Ender).End(t.Context(), id)
	says(t, failed(t, w.world, err, fault.Ask, fault.Conflict), "switched on")
	if w.old["production"].Status != "previously_used" {
		t.Errorf("it is %s", w.old["production"].Status)
	}
	w.legacy[productionRef] = false
	if why, err := kind.(providers.Blocker).Blocked(t.Context(), id); why != "" || err != nil {
		t.Errorf("blocked though they are off: %q, %v", why, err)
	}
	if err := kind.(providers.Ender).End(t.Context(), id); err != nil || w.old["production"].Status != "revoked" {
		t.Errorf("it is %s, %v", w.old["production"].Status, err)
	}
}

// Trap 5: nothing here changes a legacy secret or migrates a project; a
// project that is not migrated is left alone, with what a person can do.
func TestAProjectThatIsNotMigratedIsLeftAlone(t *testing.T) {
	w := newSigningWorld(t)
	w.signers.keys[productionRef] = nil
	_, err := w.provider(t).Survey(t.Context(), w.current())
	says(t, failed(t, w.world, err, fault.Ask, fault.Unsupported), "one way", "Nothing was changed", "Migrate JWT secret", "/settings/jwt", productionRef)
	onlyRead(t, w.world)
}

// Trap 6: that sessions go on is said on the card.
// Trap 8: so is what else was signed with the old secret.
func TestWhatARevocationDoesIsSaid(t *testing.T) {
	traits := newSigningWorld(t).surveyed(t).Traits()
	if !strings.Contains(traits.EndIs, "sessions go on") || !strings.Contains(traits.Drain, "signed URLs") || !strings.Contains(traits.Drain, "long-lived tokens") {
		t.Errorf("%q; %q", traits.EndIs, traits.Drain)
	}
	if !traits.PublicID {
		t.Error("without a public id the last characters of the secret would be shown")
	}
}

// Trap 8: a long-lived token in the vault that the old secret signed is found.
func TestTokensOfTheOldSecretAreFound(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	current := w.current()["production"]
	token, err := kind.(providers.Minter).Mint(providers.ID(w.old["production"].ID), current)
	if err != nil {
		t.Fatal(err)
	}
	parent := kind.(providers.Parent)
	if !parent.Begot(current, token) || parent.Begot(w.current()["staging"], token) || parent.Begot(current, jwt(productionRef, "anon")) || parent.Begot(current, secret.New("no token")) {
		t.Error("what was signed with the secret is not told from what was not")
	}
}

// Trap 7: a revoked key stays, as the way back.
func TestARevokedKeyIsNotDeleted(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	activated(t, kind)
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(w.old["production"].ID)); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(w.seen(), func(call string) bool { return strings.HasPrefix(call, "DELETE ") }) {
		t.Errorf("deleted: %v", w.seen())
	}
	if len(w.signers.keys[productionRef]) != 2 {
		t.Error("the revoked key is gone")
	}
}

// Trap 9: keys that are still trusted from before are named, the oldest first,
// and nothing begins.
func TestKeysLeftOverAreNamed(t *testing.T) {
	w := newSigningWorld(t)
	young, old := w.signer(productionRef, "previously_used", 9), w.signer(productionRef, "previously_used", 8)
	w.signer(productionRef, "revoked", 7)
	f := failed(t, w.world, w.surveyed(t).(providers.Clearer).Clear(t.Context()), fault.Ask, fault.Ambiguous)
	says(t, f, old.ID+", "+young.ID, "oldest first")
	w.signer(stagingRef, "standby", 6)
	f = failed(t, w.world, w.surveyed(t).(providers.Clearer).Clear(t.Context()), fault.Ask, fault.Ambiguous)
	says(t, f, "still trusts", "oldest first")
	w.signers.keys[productionRef] = w.signers.keys[productionRef][:1]
	f = failed(t, w.world, w.surveyed(t).(providers.Clearer).Clear(t.Context()), fault.Ask, fault.Ambiguous)
	says(t, f, "standby key", "room for one")
}

// Trap 10: where a project signs with another algorithm there is nothing to
// rotate.
func TestOtherAlgorithmsHaveNoSecret(t *testing.T) {
	w := newSigningWorld(t)
	w.old["production"].Status = "previously_used"
	w.signer(productionRef, "in_use", 5).Algorithm = "ES256"
	_, err := w.provider(t).Survey(t.Context(), w.current())
	says(t, failed(t, w.world, err, fault.Ask, fault.Unsupported), "ES256", "public keys")
}

// TestThrottlesAreParsed: the words count with any status, and name the moment.
func TestThrottlesAreParsed(t *testing.T) {
	in := time.Now().UTC().Add(4 * time.Minute).Truncate(time.Second)
	for text, want := range map[string]time.Duration{
		in.Format(time.RFC3339Nano):           4 * time.Minute,
		in.Format("2006-01-02T15:04:05.000Z"): 4 * time.Minute,
		in.Format(time.RFC1123):               4 * time.Minute,
		in.Format("Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)"): 4 * time.Minute,
		"tomorrow, perhaps":                          5 * time.Minute,
		in.Add(-time.Hour).Format(time.RFC3339):      5 * time.Minute,
		in.Add(999 * time.Hour).Format(time.RFC3339): time.Hour,
	} {
		for _, status := range []int{400, 403, 409, 422, 429} {
			w := newSigningWorld(t)
			w.signers.refusal = func(string) (int, string) {
				return status, "Please wait until " + text + " before attempting this request again."
			}
			kind := w.surveyed(t)
			c, err := kind.(providers.Importer).Make("rk_test_production_r1_1")
			if err != nil {
				t.Fatal(err)
			}
			f := failed(t, w.world, kind.(providers.Importer).Import(t.Context(), "production", c.ID, c.Values), fault.Again, fault.RateLimited)
			if off := (f.RetryAfter - want).Abs(); off > 30*time.Second {
				t.Errorf("%d, %q: waits %s, want about %s", status, text, f.RetryAfter, want)
			}
		}
	}
}

// TestEachChangeCanBeThrottled and nothing is repeated by the adapter itself.
func TestEachChangeCanBeThrottled(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	c := imported(t, kind)
	var changes []string
	w.signers.refusal = func(change string) (int, string) {
		changes = append(changes, change)
		return 400, "Please wait until " + time.Now().Add(time.Minute).UTC().Format(time.RFC3339) + " before attempting this request again."
	}
	failed(t, w.world, kind.(providers.Activator).Activate(t.Context(), "production", c.ID), fault.Again, fault.RateLimited)
	w.old["production"].Status = "previously_used"
	failed(t, w.world, kind.(providers.Ender).End(t.Context(), providers.ID(w.old["production"].ID)), fault.Again, fault.RateLimited)
	if want := []string{"in_use", "revoked"}; !slices.Equal(changes, want) {
		t.Errorf("asked for %v", changes)
	}
}

// TestOrdinaryRefusalsAreNoThrottles: words that name no wait keep their class.
func TestOrdinaryRefusalsAreNoThrottles(t *testing.T) {
	w := newSigningWorld(t)
	w.signers.refusal = func(string) (int, string) { return 400, "Please wait. " + w.old["production"].ID }
	kind := w.surveyed(t)
	c, _ := kind.(providers.Importer).Make("rk_test_production_r1_1")
	failed(t, w.world, kind.(providers.Importer).Import(t.Context(), "production", c.ID, c.Values), fault.Never, fault.Invalid)
}

// TestApplicationsThatMintAreRefused before anything is changed.
func TestApplicationsThatMintAreRefused(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t, func(c *supabase.SigningConfig) { c.Mints = true })
	says(t, failed(t, w.world, kind.(providers.Clearer).Clear(t.Context()), fault.Ask, fault.Unsupported), "jwt_use: mint", "Nothing was changed")
	onlyRead(t, w.world)
}

// TestARotationUnderWayIsRecognised: another process surveys between the write
// of the new value and its import, and after it.
func TestARotationUnderWayIsRecognised(t *testing.T) {
	w := newSigningWorld(t)
	first := w.surveyed(t)
	c, err := first.(providers.Importer).Make("rk_test_production_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	half := w.current()
	half["production"] = providers.Values{"JWT_SECRET": c.Values["JWT_SECRET"], previous: w.current()["production"]["JWT_SECRET"]}
	second, err := w.provider(t).Survey(t.Context(), half)
	if err != nil {
		t.Fatalf("before the import: %v", err)
	}
	if _, err := second.Identify(half["production"]); err == nil {
		t.Error("a value that no key has was identified: a rotation could begin with it")
	}
	if err := second.(providers.Importer).Import(t.Context(), "production", c.ID, half["production"]); err != nil {
		t.Fatal(err)
	}
	third, err := w.provider(t).Survey(t.Context(), half)
	if err != nil {
		t.Fatalf("after the import: %v", err)
	}
	if err := third.(providers.Importer).Import(t.Context(), "production", c.ID, half["production"]); err != nil || len(w.signers.bodies) != 1 {
		t.Errorf("imported %d times, %v", len(w.signers.bodies), err)
	}
	if err := third.(providers.Activator).Activate(t.Context(), "production", c.ID); err != nil {
		t.Fatal(err)
	}
	fourth, err := w.provider(t).Survey(t.Context(), half)
	if err != nil {
		t.Fatalf("after the activation: %v", err)
	}
	if id, err := fourth.Identify(half["production"]); err != nil || id != c.ID {
		t.Errorf("identified as %q, %v", id, err)
	}
	if err := fourth.(providers.Ender).End(t.Context(), providers.ID(w.old["production"].ID)); err != nil {
		t.Fatal(err)
	}
	fifth, err := w.provider(t).Survey(t.Context(), half)
	if err != nil {
		t.Fatalf("after the revocation: %v", err)
	}
	for v, want := range map[string]providers.Liveness{previous: providers.Refused, "JWT_SECRET": providers.Alive} {
		f, err := fifth.(providers.Prober).Probe(t.Context(), providers.Values{"JWT_SECRET": half["production"][v]})
		if err != nil || f.Liveness != want {
			t.Errorf("%s: %+v, %v", v, f, err)
		}
	}
}

// TestADeadValueIsToldAfterItIsGone: when neither variable holds the old value any
// more, and production alone was surveyed, a value that is refused is called that.
func TestADeadValueIsToldAfterItIsGone(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	c := activated(t, kind)
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(w.old["production"].ID)); err != nil {
		t.Fatal(err)
	}
	fresh := c.Values["JWT_SECRET"]
	later, err := w.provider(t).Survey(t.Context(), map[string]providers.Values{"production": {"JWT_SECRET": fresh, previous: fresh}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the list of every project is read in between
		f, err := later.(providers.Prober).Probe(t.Context(), w.current()["production"])
		if err != nil || f.Liveness != providers.Refused {
			t.Errorf("%+v, %v", f, err)
		}
		if _, err := later.(providers.Lister).List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestARefusalNeedsAControl: a paused project refuses every token.
func TestARefusalNeedsAControl(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	w.paused[productionRef] = true
	f, err := kind.(providers.Prober).Probe(t.Context(), w.current()["production"])
	if err != nil || f.Liveness != providers.Unclear {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestTheKeyInUseIsNotRevoked, whatever one asks for.
func TestTheKeyInUseIsNotRevoked(t *testing.T) {
	w := newSigningWorld(t)
	err := w.surveyed(t).(providers.Ender).End(t.Context(), providers.ID(w.old["production"].ID))
	says(t, failed(t, w.world, err, fault.Ask, fault.Conflict), "signs with it")
	onlyRead(t, w.world)
}

// TestSurveysOfSecretsThatAreNot: what stands where the secret should be.
func TestSurveysOfSecretsThatAreNot(t *testing.T) {
	for want, values := range map[string]func(signingWorld) map[string]providers.Values{
		"JWT_SECRET_PREVIOUS is missing": func(w signingWorld) map[string]providers.Values {
			return map[string]providers.Values{"production": {"JWT_SECRET": secret.New(string(w.old["production"].text))}}
		},
		"that is a token": func(signingWorld) map[string]providers.Values {
			return map[string]providers.Values{"production": both([]byte(jwt(productionRef, "anon").Reveal()), []byte("x"))}
		},
		"a key of Supabase's API": func(signingWorld) map[string]providers.Values {
			v := []byte("sb_secret_0123456789012345678901234567890")
			return map[string]providers.Values{"production": both(v, v)}
		},
		"no project is configured": func(w signingWorld) map[string]providers.Values {
			return map[string]providers.Values{"preview": w.current()["production"]}
		},
		"another project": func(w signingWorld) map[string]providers.Values {
			return map[string]providers.Values{"production": w.current()["staging"]}
		},
	} {
		t.Run(want, func(t *testing.T) {
			w := newSigningWorld(t)
			_, err := w.provider(t).Survey(t.Context(), values(w))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v", err)
			}
			secrettest.NoLeak(t, w.issued(), err)
			onlyRead(t, w.world)
		})
	}
}

// TestOneSecretForTwoProjectsIsRefused: its tokens would open both.
func TestOneSecretForTwoProjectsIsRefused(t *testing.T) {
	w := newSigningWorld(t)
	w.old["staging"].text = w.old["production"].text
	_, err := w.provider(t).Survey(t.Context(), w.current())
	says(t, failed(t, w.world, err, fault.Ask, fault.Ambiguous), "the same secret")
}

// TestTokensOfAProbe are short-lived, and name the project that signs.
func TestTokensOfAProbe(t *testing.T) {
	w := newSigningWorld(t)
	kind := w.surveyed(t)
	token, err := kind.(providers.Minter).Mint(providers.ID(w.old["production"].ID), w.current()["production"])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Iss, Role, Aud string
		Exp            int64
	}
	if !decoded(strings.Split(token.Reveal(), ".")[1], &claims) || !strings.HasSuffix(claims.Iss, "/"+productionRef+"/auth/v1") || claims.Aud != "authenticated" {
		t.Errorf("%+v", claims)
	}
	if left := time.Until(time.Unix(claims.Exp, 0)); left > 2*time.Minute {
		t.Errorf("it lives %s", left)
	}
	secrettest.NoLeak(t, append(w.issued(), token), fmt.Sprint(kind), token)
}

// TestSigningWithoutARight names the right that is missing.
func TestSigningWithoutARight(t *testing.T) {
	w := newSigningWorld(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/signing-keys") {
			return false
		}
		answer(rw, http.StatusForbidden, map[string]any{"message": "no", "missing_permissions": []string{"auth_signing_keys_read"}})
		return true
	}
	_, err := w.provider(t).Survey(t.Context(), w.current())
	says(t, failed(t, w.world, err, fault.Ask, fault.Forbidden), "auth_signing_keys_read")
}

// TestSigningConfigurations that make no sense.
func TestSigningConfigurations(t *testing.T) {
	for want, spoil := range map[string]func(*supabase.SigningConfig){
		"a variable each":           func(c *supabase.SigningConfig) { c.Previous = "JWT_SECRET" },
		"a project of its own":      func(c *supabase.SigningConfig) { c.Projects["staging"] = productionRef },
		"must be positive":          func(c *supabase.SigningConfig) { c.Throttle = -1 },
		"a table's name":            func(c *supabase.SigningConfig) { c.Table = "a/b" },
		"an access token is needed": func(c *supabase.SigningConfig) { c.Token = nil },
	} {
		c := supabase.SigningConfig{Token: fixed(secret.New(token)), Projects: map[string]string{"staging": stagingRef, "production": productionRef}}
		spoil(&c)
		if _, err := supabase.NewSigning(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestSigningContract holds every exchange about signing keys against the
// Management API's description.
func TestSigningContract(t *testing.T) {
	w := newSigningWorld(t)
	contract := providertest.NewContract(t, "supabase.yaml", w.url+apiPath)
	w.client = &http.Client{Transport: contract}
	kind := w.surveyed(t)
	activated(t, kind)
	id := providers.ID(w.old["production"].ID)
	if _, err := kind.(providers.Blocker).Blocked(t.Context(), id); err != nil {
		t.Error(err)
	}
	if err := kind.(providers.Ender).End(t.Context(), id); err != nil {
		t.Error(err)
	}
	contract.Seen(
		"GET /v1/projects/{ref}/config/auth/signing-keys 200", "POST /v1/projects/{ref}/config/auth/signing-keys 201",
		"PATCH /v1/projects/{ref}/config/auth/signing-keys/{id} 200",
		"GET /v1/projects/{ref}/config/auth/signing-keys/legacy 200", "GET /v1/projects/{ref}/config/auth 200",
		"GET /v1/projects/{ref}/api-keys/{id} 200",
	)
}
