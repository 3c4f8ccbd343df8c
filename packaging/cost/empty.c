/* An empty process. */
int main(void) {
    return 0;
}
