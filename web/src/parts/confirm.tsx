import { createRoot } from "react-dom/client";
import { Button, Group, MantineProvider, Modal, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { theme, variables } from "../theme";
import i18n from "../i18n";

/** Says why something that has no place of its own on the page did not work. */
export const tell = (error: unknown) => void notifications.show({ color: "red", title: i18n.t("failed"), message: (error as Error).message, closeButtonProps: { "aria-label": i18n.t("close") } });

/** Says in passing what was done where the page itself does not show it. */
export const told = (message: string) => void notifications.show({ message, autoClose: 3_000, closeButtonProps: { "aria-label": i18n.t("close") } });

/** Says the consequence before the click; resolves to what the person chose. */
export const modals = {
  confirm(title: string, text: string, action: string): Promise<boolean> {
    return new Promise((resolve) => {
      const host = document.body.appendChild(document.createElement("div"));
      const root = createRoot(host);
      const end = (yes: boolean) => {
        root.unmount();
        host.remove();
        resolve(yes);
      };
      root.render(
        <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
          <Modal opened onClose={() => end(false)} title={<Text fw={700}>{title}</Text>} closeButtonProps={{ "aria-label": i18n.t("close") }}>
            <Text size="sm" mb="lg">{text}</Text>
            <Group justify="flex-end" gap="sm">
              <Button variant="default" onClick={() => end(false)} data-autofocus>{i18n.t("cancel")}</Button>
              <Button onClick={() => end(true)}>{action}</Button>
            </Group>
          </Modal>
        </MantineProvider>,
      );
    });
  },
};
