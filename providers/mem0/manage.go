package mem0

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// server is one of one's own, with somebody signed in.
type server struct {
	api   *rest.Client
	base  string
	login func(context.Context) (secret.Value, error)

	mu     sync.Mutex
	access secret.Value // half an hour's token; zero before signing in
}

// wireKey is a key as the list shows it.
type wireKey struct {
	ID      string  `json:"id"`
	Label   string  `json:"label"`
	Prefix  string  `json:"key_prefix"`
	Created string  `json:"created_at"`
	Used    *string `json:"last_used_at"`
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{4,128}$`)

// shown is how many characters of a key the list shows.
const shown = 12

// fits reports whether the list shows the beginning of this value.
func (k wireKey) fits(v secret.Value) bool {
	return len(k.Prefix) == shown && strings.HasPrefix(v.Reveal(), k.Prefix)
}

// moments are the forms in which the server writes times: it may leave the
// zone out, and means UTC.
var moments = []string{time.RFC3339, "2006-01-02T15:04:05"}

func moment(text string) (at time.Time, err error) {
	for _, form := range moments {
		if at, err = time.Parse(form, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, err
}

func (k wireKey) made() time.Time {
	at, _ := moment(k.Created) // a time in another form only costs the age
	return at
}

// used is when the key was used last; zero if never.
func (k wireKey) used() (time.Time, error) {
	if k.Used == nil {
		return time.Time{}, nil
	}
	return moment(*k.Used)
}

// signedIn returns a token, signing in where there is none.
func (s *server) signedIn(ctx context.Context) (secret.Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.access.IsZero() {
		access, err := s.signIn(ctx)
		if err != nil {
			return secret.Value{}, err
		}
		s.access = access
	}
	return s.access, nil
}

// signOut forgets a token that was refused, unless there is another one by now.
func (s *server) signOut(refused secret.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.access.Equal(refused) {
		s.access = secret.Value{}
	}
}

// signIn trades e-mail address and password for a token. The token that
// renews it can be used once, by one process; signing in again cannot fail so.
func (s *server) signIn(ctx context.Context) (secret.Value, error) {
	const op = "signing in at the Mem0 server"
	v, err := s.login(ctx)
	if err != nil {
		cause := fault.Of(err)
		return secret.Value{}, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	email, password, both := strings.Cut(v.Reveal(), ":")
	if !both || !strings.Contains(email, "@") || password == "" {
		return secret.Value{}, fault.New(op, fault.Ambiguous, "the admin credential has not the form e-mail address, colon, password")
	}
	var said complaint
	var got struct {
		Access secret.Value `json:"access_token"`
	}
	_, err = s.api.Do(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Path: "/auth/login", Refusal: &said,
		Body: map[string]string{"email": email, "password": password},
	}, &got)
	switch {
	case fault.Is(err, fault.Unauthorized) && said.says("invalid email or password"):
		f := *fault.Of(err)
		f.Detail = "the server knows no such user, or the password is another one"
		return secret.Value{}, &f
	case err != nil:
		return secret.Value{}, err
	case got.Access.IsZero():
		return secret.Value{}, fault.New(op, fault.Garbled, "the answer holds no token")
	}
	return got.Access, nil
}

// asUser makes one call with a token. One that is refused is forgotten: a read
// is asked again with another one, a write is the caller's decision.
func (s *server) asUser(ctx context.Context, call rest.Call, out any) error {
	for again := !call.Write; ; again = false {
		access, err := s.signedIn(ctx)
		if err != nil {
			return err
		}
		call.Sign = bearer(access)
		_, err = s.api.Do(ctx, call, out)
		if !fault.Is(err, fault.Unauthorized) {
			return fault.Explained(err, "the user who signs in may not do this; only the owner of a key can list and revoke it", fault.Forbidden)
		}
		s.signOut(access)
		if !again {
			return fault.Explained(err, "the server refuses whoever has just signed in there: look whether the user still exists and may manage keys", fault.Unauthorized)
		}
	}
}

func bearer(access secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+access.Reveal()) }
}

const keysPath = "/api-keys"

// keys is the list of the user's keys, which comes whole. Absence from a part
// of it would be no absence, so what cannot be read is an error.
func (s *server) keys(ctx context.Context) ([]wireKey, error) {
	const op = "listing keys at the Mem0 server"
	var all *[]wireKey
	if err := s.asUser(ctx, rest.Call{Op: op, Path: keysPath}, &all); err != nil {
		return nil, err
	}
	if all == nil {
		return nil, fault.New(op, fault.Garbled, "the answer is no list")
	}
	for _, k := range *all {
		if !idForm.MatchString(k.ID) || k.Prefix == "" {
			return nil, fault.New(op, fault.Garbled, "a key has no id or nothing of its value")
		}
	}
	return *all, nil
}

// create makes a key. An answer that does not hold it is a lost one: the key
// exists and its value is gone.
func (s *server) create(ctx context.Context, label string) (wireKey, secret.Value, error) {
	const op = "creating a key at the Mem0 server"
	if label == "" {
		return wireKey{}, secret.Value{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "a key has a label"}
	}
	var made struct {
		wireKey
		Key secret.Value `json:"key"`
	}
	err := s.asUser(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Path: keysPath, Write: true,
		Body: map[string]string{"label": label}, OK: []int{http.StatusCreated},
	}, &made)
	if err != nil {
		return wireKey{}, secret.Value{}, err
	}
	if !idForm.MatchString(made.ID) || ownerOf(made.Key) != serverKey {
		return wireKey{}, secret.Value{}, &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer does not hold a whole key"}
	}
	return made.wireKey, made.Key, nil
}

// revoke ends a key for good. One that is gone or revoked already is what was
// wanted; the list has the last word.
func (s *server) revoke(ctx context.Context, op, id string) error {
	var said complaint
	err := s.asUser(ctx, rest.Call{Op: op, Method: http.MethodDelete, Path: keysPath + "/" + url.PathEscape(id), Write: true, Refusal: &said}, nil)
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid) && said.says("api key is already revoked"):
		return nil
	}
	return err
}
