package supabase

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// algorithm is the one whose secret an application can hold.
const algorithm = "HS256"

// The statuses of a signing key.
const (
	statusStandby = "standby"
	statusInUse   = "in_use"
	statusFormer  = "previously_used"
	statusRevoked = "revoked"
)

// wireSigning is a signing key as the Management API shows it: never with what
// it signs with.
type wireSigning struct {
	ID        string `json:"id"`
	Algorithm string `json:"algorithm"`
	Status    string `json:"status"`
	Created   string `json:"created_at"`
}

func (w wireSigning) made() time.Time {
	at, _ := time.Parse(time.RFC3339, w.Created) // a time in another form only costs the age
	return at
}

// odd reports a key about which nothing can be concluded.
func (w wireSigning) odd() bool {
	return !kidForm.MatchString(w.ID) || !slices.Contains([]string{statusStandby, statusInUse, statusFormer, statusRevoked}, w.Status) || w.Algorithm == ""
}

func signingPath(ref string) string { return "/v1/projects/" + ref + "/config/auth/signing-keys" }

// throttled is what Supabase says while a change is too close to the last one.
var throttled = regexp.MustCompile(`(?i)please wait until (.{8,80}?) before`)

// ask makes one call of the Management API. Supabase takes a change of signing
// keys every few minutes; which status the refusal has is not documented, so its
// words are believed with any.
func (s *Signing) ask(ctx context.Context, call rest.Call, out any) error {
	token, err := s.p.token(ctx)
	if err != nil {
		return err
	}
	var said struct {
		Message string `json:"message"`
		refused
	}
	call.Sign, call.Refusal = bearer(token), &said
	answer, err := s.p.api.Do(ctx, call, out)
	m := throttled.FindStringSubmatch(said.Message)
	if err != nil && m != nil && answer.Status >= 400 && answer.Status < 500 {
		return &fault.Error{Op: call.Op, Class: fault.Again, Reason: fault.RateLimited, Status: answer.Status, RetryAfter: s.until(m[1], answer.Header)}
	}
	return explained(err, answer, said.refused)
}

// moments are the forms in which a moment may be named.
var moments = []string{time.RFC3339Nano, time.RFC1123, time.RFC1123Z, "Mon Jan 02 2006 15:04:05 GMT-0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 MST", "2006-01-02T15:04:05", "1/2/2006, 3:04:05 PM"}

// until is how long to wait for a moment, by Supabase's own clock. A moment that
// is not understood, or is over, costs the usual wait.
func (s *Signing) until(text string, h http.Header) time.Duration {
	text, _, _ = strings.Cut(strings.Trim(text, `'" `), " (")
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	for _, form := range moments {
		at, err := time.Parse(form, text)
		if err == nil && at.After(now) {
			return min(at.Sub(now), maxThrottles*s.config.Throttle)
		}
	}
	return s.config.Throttle
}

// maxThrottles bounds a wait that Supabase asks for, in usual ones.
const maxThrottles = 12

// refresh takes a project's whole list anew.
func (k *signingKey) refresh(ctx context.Context, ref string) ([]wireSigning, error) {
	const op = "listing signing keys at Supabase"
	var page struct {
		Keys *[]wireSigning `json:"keys"`
	}
	if err := k.s.ask(ctx, rest.Call{Op: op, Path: signingPath(ref)}, &page); err != nil {
		return nil, err
	}
	if page.Keys == nil || slices.ContainsFunc(*page.Keys, wireSigning.odd) {
		return nil, fault.New(op, fault.Garbled, "project "+ref+" has no list of keys, or one without id, algorithm or known status")
	}
	k.mu.Lock()
	k.known[ref] = slices.Clone(*page.Keys)
	k.mu.Unlock()
	return *page.Keys, nil
}

// one finds a key in a project's list; no status when it is not there.
func (k *signingKey) one(ctx context.Context, ref string, id providers.ID) (wireSigning, error) {
	keys, err := k.refresh(ctx, ref)
	if err != nil {
		return wireSigning{}, err
	}
	if at := slices.IndexFunc(keys, func(w wireSigning) bool { return w.ID == string(id) }); at >= 0 {
		return keys[at], nil
	}
	return wireSigning{}, nil
}

// create imports a value as the standby key.
func (s *Signing) create(ctx context.Context, op, ref string, id providers.ID, v secret.Value) error {
	body, err := imported(id, v)
	if err != nil {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Err: err}
	}
	var made wireSigning
	if err := s.ask(ctx, rest.Call{Op: op, Method: http.MethodPost, Path: signingPath(ref), Body: body, Write: true, OK: []int{http.StatusCreated}}, &made); err != nil {
		return err
	}
	if made.ID != string(id) || made.Status != statusStandby || made.Algorithm != algorithm {
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Status: http.StatusCreated, Detail: "the answer is not about the standby key " + string(id)}
	}
	return nil
}

// set changes a key's status.
func (s *Signing) set(ctx context.Context, op, ref string, id providers.ID, status string) error {
	var w wireSigning
	err := s.ask(ctx, rest.Call{Op: op, Method: http.MethodPatch, Path: signingPath(ref) + "/" + url.PathEscape(string(id)), Body: map[string]string{"status": status}, Write: true}, &w)
	if err == nil && (w.ID != string(id) || w.Status != status) {
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer does not show " + string(id) + " as " + status}
	}
	return err
}

// legacyKey is the key that holds a project's legacy secret; NotFound when the
// project was not migrated, or Supabase has done away with the question.
func (s *Signing) legacyKey(ctx context.Context, ref string) (wireSigning, error) {
	const op = "asking Supabase about the legacy JWT secret"
	var w wireSigning
	if err := s.ask(ctx, rest.Call{Op: op, Path: signingPath(ref) + "/legacy"}, &w); err != nil {
		return wireSigning{}, err
	}
	if w.odd() {
		return wireSigning{}, fault.New(op, fault.Garbled, "the answer shows no key")
	}
	return w, nil
}

// life of a project's access tokens.
func (s *Signing) life(ctx context.Context, ref string) (time.Duration, error) {
	const op = "asking Supabase how long tokens live"
	var config struct {
		Exp *int64 `json:"jwt_exp"`
	}
	if err := s.ask(ctx, rest.Call{Op: op, Path: "/v1/projects/" + ref + "/config/auth"}, &config); err != nil {
		return 0, err
	}
	const longest = 366 * 24 * 3600 // seconds; Supabase takes no more than a week
	if config.Exp == nil || *config.Exp <= 0 || *config.Exp > longest {
		return 0, fault.New(op, fault.Garbled, "the answer holds no jwt_exp that makes sense")
	}
	return time.Duration(*config.Exp) * time.Second, nil
}
