import { Button, Card, Center, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { request, type ApiError } from "../api";
import { ProblemBox } from "../parts/Page";

export function SignIn({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const [token, setToken] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const submit = async (e: React.FormEvent) => {
    e.preventDefault();
    try {
      await request("post", "/session", { body: { token: token.trim() } });
      onDone();
    } catch (err) {
      setError(err as ApiError);
    }
  };
  return (
    <Center mih="100vh" p="lg">
      <Card withBorder w={420} maw="100%" padding="xl" component="form" onSubmit={(e: React.FormEvent) => void submit(e)}>
        <Stack>
          <Title order={1}>縁 Enishi</Title>
          <Text size="sm">{t("signIn.about")}</Text>
          <PasswordInput label={t("signIn.token")} value={token} onChange={(e) => setToken(e.currentTarget.value)} required autoComplete="off" />
          {error && <ProblemBox error={error} />}
          <Button type="submit" disabled={!token.trim()}>{t("signIn.go")}</Button>
        </Stack>
      </Card>
    </Center>
  );
}
