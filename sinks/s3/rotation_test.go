package s3

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// A secret that is replaced in its file signs the next request.
func TestReplacedSecretIsUsedWithTheNextRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("yesterday's")
	c := &Connection{AccessKeyID: "key", SecretAccessKey: field.NewSecret("x")}
	c.SecretAccessKey.Follow(path)
	creds := c.credentials()
	for _, secret := range []string{"yesterday's", "today's secret", "today's secret"} {
		write(secret)
		v, err := creds.GetWithContext(nil)
		if err != nil {
			t.Fatal(err)
		}
		if v.AccessKeyID != "key" || v.SecretAccessKey != secret || v.SignerType != credentials.SignatureV4 {
			t.Errorf("the credentials are %+v, want the secret %q", v, secret)
		}
	}
}

func TestKeyWithoutASecretIsAnonymous(t *testing.T) {
	v, err := (&Connection{AccessKeyID: "key"}).credentials().GetWithContext(nil)
	if err != nil || !v.SignerType.IsAnonymous() {
		t.Errorf("the credentials are %+v, %v", v, err)
	}
}
