package infisical

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/finding"
	"rekey/internal/rest"
)

// Examine looks at the login, the clock and, for each environment, at what
// holds writes. It writes nothing; clock is how far the server's clock may be
// from ours. What reading single secrets comes to, the caller sees by [Vault.Read];
// [Advice] says what to do about it.
func (v *Vault) Examine(ctx context.Context, clock time.Duration) []finding.Finding {
	const looked = "Login at Infisical"
	found := []finding.Finding{v.clock(ctx, clock)}
	if _, err := v.keeper.session(ctx); err != nil {
		return append(found, finding.Failed(looked, err, Advice(err)))
	}
	found = append(found, finding.Good(looked, "The machine identity was let in."))
	policies, err := withSession(ctx, v.keeper, func(s *session) ([]wirePolicy, error) { return v.v4.policies(ctx, s) })
	for _, environment := range slices.Sorted(maps.Keys(v.places)) {
		found = append(found, held(environment, v.places[environment], policies, err))
	}
	for _, environment := range slices.Sorted(maps.Keys(v.inboxes)) {
		found = append(found, v.secluded(ctx, environment), held("the inbox of "+environment, v.inboxes[environment], policies, err))
	}
	return found
}

// secluded says whether somebody else reads what people leave in an inbox.
func (v *Vault) secluded(ctx context.Context, environment string) finding.Finding {
	looked := fmt.Sprintf("Inbox of %s in Infisical, %s", environment, v.inboxes[environment])
	if err := v.Secluded(ctx, environment); err != nil {
		return finding.Failed(looked, err, "Give the inbox a folder of its own that nothing imports and no secret sync carries away, with the right to read and delete there.")
	}
	return finding.Good(looked, "Nothing carries it away.")
}

// clock asks the one route that needs no login.
func (v *Vault) clock(ctx context.Context, limit time.Duration) finding.Finding {
	const looked = "Clock of Infisical"
	got, err := v.v4.rest.Do(ctx, rest.Call{Op: "asking Infisical for its time", Path: "/api/status"}, nil)
	if err != nil {
		return finding.Failed(looked, err, Advice(err))
	}
	at, err := http.ParseTime(got.Header.Get("Date"))
	if err != nil {
		at = time.Time{}
	}
	return finding.Skewed(looked, at, time.Now(), limit)
}

// wirePolicy is a change policy. Lists of them are for people's sessions only
// in the versions known (backend/src/ee/routes/v2/secret-approval-policy-router.ts
// of github.com/Infisical/infisical); where a server shows one, it is believed.
type wirePolicy struct {
	Name         string     `json:"name"`
	Path         string     `json:"secretPath"` // a glob; empty means every path
	Bypass       bool       `json:"bypassForMachineIdentities"`
	Environment  wireSlug   `json:"environment"`
	Environments []wireSlug `json:"environments"`
	Deleted      *string    `json:"deletedAt"`
}

type wireSlug struct {
	Slug string `json:"slug"`
}

// policies lists the project's change policies.
func (c *v4) policies(ctx context.Context, s *session) ([]wirePolicy, error) {
	const op = "listing change policies in Infisical"
	out, err := c.do(ctx, s, rest.Call{Op: op, Path: "/api/v2/secret-approvals", Query: url.Values{"projectId": {c.project}}})
	if err == nil && out.Policies == nil {
		err = fault.New(op, fault.Garbled, "the answer holds no list of policies")
	}
	return out.Policies, err
}

// held says whether changes in a place are held until a person merges them, as
// far as it can be told by reading. Emptying an inbox is a change like a write.
func held(of string, p Place, policies []wirePolicy, err error) finding.Finding {
	looked := fmt.Sprintf("Change policy for %s in Infisical %s", of, p)
	if err != nil {
		return finding.Open(looked, "Infisical shows change policies to people only, so whether one holds Rekey's writes cannot be read.",
			"Look under the project's change policies. One that covers this path makes every rotation stop until somebody merges its write, unless it lets machine identities pass.")
	}
	for _, policy := range policies {
		if policy.covers(p) && !policy.Bypass {
			return finding.Bad(looked, fmt.Sprintf("The policy %q holds every write here until a person merges it.", shownPolicy(policy.Name)),
				"Let machine identities pass this policy, or expect each rotation to stop until somebody merges its write.")
		}
	}
	return finding.Good(looked, "No policy holds writes.")
}

func (w wirePolicy) covers(p Place) bool {
	here := slices.ContainsFunc(append(w.Environments, w.Environment), func(s wireSlug) bool { return s.Slug == p.Environment })
	if !here || w.Deleted != nil {
		return false
	}
	glob := strings.TrimSuffix(w.Path, "/**")
	matched, err := path.Match(w.Path, p.Path)
	return w.Path == "" || err == nil && matched || glob != w.Path && (p.Path == glob || strings.HasPrefix(p.Path, glob+"/"))
}

// shownPolicy keeps a name that people gave to one plain line.
func shownPolicy(name string) string {
	const longest = 64
	runes := []rune(strings.Join(strings.Fields(name), " "))
	return string(runes[:min(len(runes), longest)])
}

// Advice is what to do about a call that did not succeed.
func Advice(err error) string {
	f := fault.Of(err)
	switch {
	case f.Op == opLogin && f.Reason == fault.Unauthorized:
		return "Put the machine identity's client id and client secret (universal auth) into their files. After three refused logins the identity is locked for some minutes; Rekey does not repeat one."
	case errors.Is(err, errToken), f.Reason == fault.Unauthorized:
		return "Log in again by starting Rekey anew; if that does not help, give the identity a new client secret."
	case errors.Is(err, errOutsider):
		return "Add the machine identity to the project, with the right to read and edit secrets there."
	case f.Reason == fault.Forbidden:
		return "Give the machine identity the right to read values, to edit them and to list secret syncs in this environment and path."
	case f.Reason == fault.NotFound:
		return "Compare project, environments and paths of the configuration with Infisical, and make the variable there."
	case f.Reason == fault.Managed:
		return "Let the variable hold a plain value of its own on this path, readable by the machine identity."
	case f.Reason == fault.Unsupported:
		return "Take the path out of the secret sync, or deploy without it; what carries values on is not waited for in this version."
	default:
		return "Look at the server and at the way to it: name, proxy, certificate."
	}
}
