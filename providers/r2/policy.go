package r2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// policy is one line of what a token may do. Resources are kept as they came:
// there are two forms of them, and what is copied must not be read on the way.
type policy struct {
	Effect    string          `json:"effect"`
	Groups    []group         `json:"permission_groups"`
	Resources json.RawMessage `json:"resources"`
}

// group is a permission group. Its name is shown by the service and not sent.
type group struct {
	ID string `json:"id"`
}

// The kinds of resources that a policy names.
const (
	bucketResource  = "com.cloudflare.edge.r2.bucket."
	accountResource = "com.cloudflare.api.account."
)

// named lists the resources of a policy, whichever form they have.
func (p policy) named() []string {
	var all []string
	var walk func(raw json.RawMessage)
	walk = func(raw json.RawMessage) {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return // a string: it says how much of the resource
		}
		for name, inner := range members {
			all = append(all, name)
			walk(inner)
		}
	}
	walk(p.Resources)
	slices.Sort(all)
	return all
}

// resources says what the policies of a token name, as far as people need it.
func (t token) resources() string {
	const most = 5
	var all []string
	for _, p := range t.Policies {
		all = append(all, p.named()...)
	}
	all = slices.DeleteFunc(all, func(name string) bool { return !resourceForm.MatchString(name) })
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all[:min(len(all), most)], ", ")
}

var resourceForm = regexp.MustCompile(`^com\.cloudflare\.[a-z0-9._-]{1,160}$`)

// grants reports whether a policy names the bucket, or the whole account. The
// default jurisdiction is written out.
func (t token) grants(account, jurisdiction, bucket string) bool {
	want := []string{bucketResource + account + "_" + jurisdiction + "_" + bucket, accountResource + account}
	return slices.ContainsFunc(t.Policies, func(p policy) bool {
		return p.Effect == "allow" && slices.ContainsFunc(p.named(), func(name string) bool { return slices.Contains(want, name) })
	})
}

// like reports whether two tokens may do the same under the same conditions.
func (t token) like(other token) bool { return slices.Equal(t.canon(), other.canon()) }

// canon is what a token may do, in a form that can be compared.
func (t token) canon() []string {
	lines := []string{"condition " + compact(t.Condition)}
	for _, p := range t.Policies {
		ids := make([]string, len(p.Groups))
		for i, g := range p.Groups {
			ids[i] = g.ID
		}
		slices.Sort(ids)
		lines = append(lines, fmt.Sprintf("%s %s on %s", p.Effect, strings.Join(ids, "+"), compact(p.Resources)))
	}
	slices.Sort(lines)
	return lines
}

// compact is a JSON text with its members in order; an absent one, null and an
// empty object are the same.
func compact(raw json.RawMessage) string {
	var v any
	if len(bytes.TrimSpace(raw)) == 0 || json.Unmarshal(raw, &v) != nil || v == nil {
		return "{}"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "{}" // unreachable: it was decoded from JSON
	}
	return string(text)
}
