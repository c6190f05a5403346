package anthropic

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// version is the only one of the API; every request names it.
const version = "2023-06-01"

// pageSize is far below what the service allows; maxPages bounds a list that
// never ends.
const (
	pageSize = 100
	maxPages = 200
)

const keysPath = "/v1/organizations/api_keys"

// The states of a key.
const (
	active   = "active"
	inactive = "inactive"
	archived = "archived"
	expired  = "expired"
)

// wireKey is a key as the Admin API shows it. There is no last use, and
// creator, principal and expiry may be null.
type wireKey struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Status    string       `json:"status"`
	Created   string       `json:"created_at"`
	Expires   *string      `json:"expires_at"`
	Hint      secret.Value `json:"partial_key_hint"`
	Principal *principal   `json:"principal"`
	Scope     *scope       `json:"scope"`
}

// principal is whom a key acts as; null for keys that belong to nobody.
type principal struct {
	Type           string `json:"type"` // user_actor, service_account_actor
	User           string `json:"user_id"`
	ServiceAccount string `json:"service_account_id"`
}

// scope is where a key belongs. It replaces workspace_id, which is null for
// the default workspace and for keys without one alike.
type scope struct {
	Type      string `json:"type"` // workspace, organization
	Workspace string `json:"workspace_id"`
}

// workspace is the key's only workspace, "" when it has none.
func (k wireKey) workspace() string {
	if k.Scope == nil || k.Scope.Type != "workspace" {
		return ""
	}
	return k.Scope.Workspace
}

// actor is whom the key acts as.
func (k wireKey) actor() principal {
	if k.Principal == nil {
		return principal{}
	}
	return *k.Principal
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

// refusal is the service's own error body. Its message may change at any time
// and is not read.
type refusal struct {
	Type  string `json:"type"`
	Error struct {
		Type    string `json:"type"`
		Details struct {
			Code string `json:"error_code"`
		} `json:"details"`
	} `json:"error"`
}

// theirs reports a body that Anthropic writes, and not some gateway.
func (r refusal) theirs() bool { return r.Type == "error" && r.Error.Type != "" }

// admin reads the Admin API key anew.
func (p *Provider) admin(ctx context.Context) (secret.Value, error) {
	const op = "reading the Admin API key of Anthropic"
	v, err := p.config.AdminKey(ctx)
	if err != nil {
		cause := fault.Of(err)
		return secret.Value{}, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	if v.IsZero() {
		return secret.Value{}, fault.New(op, fault.Ambiguous, "it is empty")
	}
	return v, nil
}

// authorize signs a request. Every request names the version.
func authorize(key secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) {
		r.Header.Set("X-Api-Key", key.Reveal())
		r.Header.Set("Anthropic-Version", version)
	}
}

// asAdmin makes one call with the Admin API key. The key is not repeated by a
// library of the vendor's: there is none here, so that ANTHROPIC_API_KEY of
// Rekey's own environment is never read and nothing retries by itself.
func (p *Provider) asAdmin(ctx context.Context, call rest.Call, out any) error {
	admin, err := p.admin(ctx)
	if err != nil {
		return err
	}
	call.Sign = authorize(admin)
	_, err = p.api.Do(ctx, call, out)
	err = fault.Explained(err, "the Admin API key was refused: it was archived, or has expired", fault.Unauthorized)
	return fault.Explained(err, "it must be an Admin API key that an organisation admin has made; a key of a workspace administers nothing", fault.Forbidden)
}

// keys follows the list to its end, whatever state keys are in. Absence from a
// part of it would be no absence, so whatever is not whole is an error.
func (p *Provider) keys(ctx context.Context) ([]wireKey, error) {
	const op = "listing keys at Anthropic"
	var all []wireKey
	after, seen := "", map[string]bool{}
	for range maxPages {
		query := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if after != "" {
			query.Set("after_id", after)
		}
		var page struct {
			Data *[]wireKey `json:"data"`
			More *bool      `json:"has_more"`
			Last *string    `json:"last_id"`
		}
		if err := p.asAdmin(ctx, rest.Call{Op: op, Path: keysPath, Query: query}, &page); err != nil {
			return nil, err
		}
		if page.Data == nil || page.More == nil || slices.ContainsFunc(*page.Data, wireKey.odd) {
			return nil, fault.New(op, fault.Garbled, "the answer is no list of keys with their states")
		}
		all = append(all, *page.Data...)
		switch {
		case !*page.More:
			return all, nil
		case page.Last == nil || *page.Last == "" || seen[*page.Last]:
			return nil, fault.New(op, fault.Garbled, "there is more, but the way to it leads nowhere")
		}
		after = *page.Last
		seen[after] = true
	}
	return nil, fault.New(op, fault.TooLarge, "the list does not end")
}

// odd reports a key about which nothing can be concluded.
func (k wireKey) odd() bool {
	return k.ID == "" || !slices.Contains([]string{active, inactive, archived, expired}, k.Status)
}

// set gives a key a state, by its explicit id. A key that is gone for good
// cannot be set any more; whether it is, the service is asked.
func (p *Provider) set(ctx context.Context, op string, id providers.ID, status string) error {
	if !idForm.MatchString(string(id)) {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	var now wireKey
	var said refusal
	err := p.asAdmin(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Path: keysPath + "/" + url.PathEscape(string(id)), Write: true,
		Body: map[string]string{"status": status}, Refusal: &said,
	}, &now)
	switch {
	case err == nil && now.ID == string(id) && now.Status == status:
		return nil
	case err == nil:
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer does not show key " + string(id) + " as " + status}
	case fault.Is(err, fault.Invalid) && status != active && p.gone(ctx, id):
		return nil
	}
	return explained(err, said)
}

// gone reports whether a key that cannot be set is dead for good already.
func (p *Provider) gone(ctx context.Context, id providers.ID) bool {
	var now wireKey
	err := p.asAdmin(ctx, rest.Call{Op: "looking up a key at Anthropic", Path: keysPath + "/" + url.PathEscape(string(id))}, &now)
	return err == nil && now.ID == string(id) && (now.Status == archived || now.Status == expired)
}

// limits are the reasons for which a key cannot be switched on again.
var limits = map[string]string{
	"org_api_key_limit_exceeded":       "the organisation has as many active keys as it may have",
	"workspace_api_key_limit_exceeded": "the workspace has as many active keys as it may have",
}

func explained(err error, said refusal) error {
	if why := limits[said.Error.Details.Code]; why != "" {
		f := *fault.Of(err)
		f.Class, f.Detail = fault.Ask, why
		return &f
	}
	return err
}
