<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** A temporary directory. The destructor deletes it with its files. */
final class TemporaryDirectory
{
    public string $path;

    public function __construct()
    {
        $this->path = sys_get_temp_dir() . '/flexpay-php-' . bin2hex(random_bytes(6));
        mkdir($this->path, 0755);
    }

    public function __destruct()
    {
        $all = new \RecursiveIteratorIterator(
            new \RecursiveDirectoryIterator($this->path, \FilesystemIterator::SKIP_DOTS),
            \RecursiveIteratorIterator::CHILD_FIRST
        );
        foreach ($all as $file) {
            $file->isDir() && !$file->isLink() ? rmdir($file->getPathname()) : unlink($file->getPathname());
        }
        rmdir($this->path);
    }
}
