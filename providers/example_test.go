package providers_test

import (
	"context"
	"fmt"

	"rekey/providers"
)

// oneKey is a kind whose plan allows a single key: issuing replaces it, so
// there is nothing to list and nothing to end.
type oneKey struct{}

func (oneKey) Traits() providers.Traits {
	return providers.Traits{Kind: "one key", Service: "example", Shape: providers.Cutover}
}
func (oneKey) Identify(providers.Values) (providers.ID, error) { return "the-one", nil }
func (oneKey) Issue(context.Context, string) (providers.Credential, error) {
	return providers.Credential{ID: "the-one"}, nil
}
func (oneKey) Probe(context.Context, providers.Values) (providers.Finding, error) {
	return providers.Finding{Liveness: providers.Alive, Answer: "200"}, nil
}

// What can be done with a kind is asked of its type.
func Example() {
	var kind providers.Kind = oneKey{}
	_, issues := kind.(providers.Issuer)
	_, ends := kind.(providers.Ender)
	fmt.Println(kind.Traits().Shape, "issues:", issues, "ends:", ends)
	// Output: cutover issues: true ends: false
}
