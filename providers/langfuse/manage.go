package langfuse

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// wireKey is a key as the list shows it: the beginning and the end of its
// secret, and no permissions.
type wireKey struct {
	ID      string  `json:"id"`
	Public  string  `json:"publicKey"`
	Display string  `json:"displaySecretKey"`
	Note    *string `json:"note"`
	Created string  `json:"createdAt"`
	Expires *string `json:"expiresAt"`
}

func (k wireKey) note() string {
	if k.Note == nil {
		return ""
	}
	return *k.Note
}

func (k wireKey) made() time.Time {
	at, _ := time.Parse(time.RFC3339, k.Created) // a time in another form only costs the age
	return at
}

// expires is when the key dies by itself; zero when never.
func (k wireKey) expires() (time.Time, error) {
	if k.Expires == nil {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, *k.Expires)
}

// refusal is the service's own error body.
type refusal struct {
	Message string `json:"message"`
	Error   string `json:"error"`
}

// says reports whether the service's words begin so. There is nothing else to
// tell its reasons by.
func (r refusal) says(beginning string) bool {
	return strings.HasPrefix(strings.ToLower(r.Message), beginning) || strings.HasPrefix(strings.ToLower(r.Error), beginning)
}

// planned reports a refusal because of the organisation's plan.
func (r refusal) planned() bool {
	return strings.Contains(strings.ToLower(r.Message+" "+r.Error), "not available on your current plan")
}

// authorize signs with both halves. The server would take a wrong user with a
// right password; we never send one.
func authorize(p pair) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.SetBasicAuth(p.public, p.secret.Reveal()) }
}

// organisation reads the organisation's pair anew.
func (s *site) organisation(ctx context.Context) (pair, error) {
	const op = "reading the organisation's key pair of Langfuse"
	v, err := s.admin(ctx)
	if err != nil {
		cause := fault.Of(err)
		return pair{}, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	public, hidden, _ := strings.Cut(v.Reveal(), ":")
	p, ok := parse(secret.New(public), secret.New(hidden))
	if !ok {
		return pair{}, fault.New(op, fault.Ambiguous, "it has not the form pk-lf-…:sk-lf-…")
	}
	return p, nil
}

// asAdmin makes one call with the organisation's pair.
func (s *site) asAdmin(ctx context.Context, call rest.Call, out any) (refusal, error) {
	var said refusal
	own, err := s.organisation(ctx)
	if err != nil {
		return said, err
	}
	call.Sign, call.Refusal = authorize(own), &said
	answer, err := s.api.Do(ctx, call, out)
	if answer.Status == http.StatusUnauthorized {
		f := *fault.Of(err)
		f.Detail = "the organisation's key pair was refused at " + s.base + ": it was deleted, or belongs to another region"
		return said, &f
	}
	return said, fault.Explained(err, "the organisation's key pair may not manage the keys of this project: it is another organisation's, a project's own, or the plan has the API for keys no more", fault.Forbidden)
}

// projects are the organisation's, by id. entitled is false where its plan has
// no API for keys.
func (s *site) projects(ctx context.Context) (names map[string]string, entitled bool, err error) {
	const op = "asking Langfuse for the organisation's projects"
	var page struct {
		Projects *[]struct{ ID, Name string } `json:"projects"`
	}
	said, err := s.asAdmin(ctx, rest.Call{Op: op, Path: "/api/public/organizations/projects"}, &page)
	switch {
	case fault.Is(err, fault.Forbidden) && said.planned():
		return nil, false, nil
	case fault.Is(err, fault.Forbidden):
		f := *fault.Of(err)
		f.Detail = "the key pair that administers must be an organisation's, not a project's"
		return nil, false, &f
	case err != nil:
		return nil, false, err
	case page.Projects == nil:
		return nil, false, fault.New(op, fault.Garbled, "the answer has no member projects")
	}
	names = make(map[string]string)
	for _, p := range *page.Projects {
		names[p.ID] = p.Name
	}
	return names, true, nil
}

func keysPath(project string) string {
	return "/api/public/projects/" + url.PathEscape(project) + "/apiKeys"
}

// keys is the list of a project, which comes whole. Absence from a part of it
// would be no absence, so what cannot be read is an error.
func (s *site) keys(ctx context.Context, project string) ([]wireKey, error) {
	const op = "listing keys at Langfuse"
	var page struct {
		Keys *[]wireKey `json:"apiKeys"`
	}
	if _, err := s.asAdmin(ctx, rest.Call{Op: op, Path: keysPath(project)}, &page); err != nil {
		return nil, err
	}
	if page.Keys == nil {
		return nil, fault.New(op, fault.Garbled, "the answer has no member apiKeys")
	}
	for _, k := range *page.Keys {
		if k.ID == "" || k.Public == "" || k.Display == "" {
			return nil, fault.New(op, fault.Garbled, "a key has no id, no public key or nothing of its secret")
		}
	}
	return *page.Keys, nil
}

// create makes a pair. The document says 200 and the server answers 201. An
// answer that does not hold a usable pair is a lost one: the key exists and
// its secret is gone.
func (s *site) create(ctx context.Context, project, label string) (pair, wireKey, error) {
	const op, longest = "creating a key at Langfuse", 255
	if n := utf8.RuneCountInString(label); n < 1 || n > longest {
		return pair{}, wireKey{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "a label has 1 to 255 characters"}
	}
	var made struct {
		wireKey
		Secret secret.Value `json:"secretKey"`
	}
	_, err := s.asAdmin(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Path: keysPath(project), Write: true,
		Body: map[string]string{"note": label}, OK: []int{http.StatusOK, http.StatusCreated},
	}, &made)
	if err != nil {
		return pair{}, wireKey{}, err
	}
	p, ok := parse(secret.New(made.Public), made.Secret)
	if !ok || made.ID == "" || !fits(made.Display, p.secret) {
		return pair{}, wireKey{}, &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer does not hold a whole pair"}
	}
	return p, made.wireKey, nil
}

// remove deletes the row that the list has for a public key just now. Without
// one it is gone already.
func (s *site) remove(ctx context.Context, project string, id providers.ID) error {
	const op = "deleting a key at Langfuse"
	all, err := s.keys(ctx, project)
	if err != nil {
		return err
	}
	row, listed := find(all, id)
	if !listed {
		return nil
	}
	var done struct {
		Success bool `json:"success"`
	}
	_, err = s.asAdmin(ctx, rest.Call{Op: op, Method: http.MethodDelete, Path: keysPath(project) + "/" + url.PathEscape(row.ID), Write: true}, &done)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil // somebody was faster; the list has the last word
	case err == nil && !done.Success:
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer does not say that it was done"}
	}
	return err
}

func find(all []wireKey, id providers.ID) (wireKey, bool) {
	for _, k := range all {
		if k.Public == string(id) {
			return k, true
		}
	}
	return wireKey{}, false
}
